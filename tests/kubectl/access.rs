//! Who one is, what one may, and which server it is.

use super::people::everyone;

#[test]
fn people_are_told_who_they_are() {
    everyone(|person| {
        let me = person.table("auth whoami");
        assert_eq!(me[0], ["ATTRIBUTE", "VALUE"]);
        assert_eq!(me[1], ["Username", "kubernetes-admin"]);
        assert_eq!(me[2], ["Groups", "[system:masters", "system:authenticated]"]);
        let other = person.table("auth whoami --as=jane --as-group=devs");
        assert_eq!(other[1], ["Username", "jane"]);
        assert_eq!(other[2], ["Groups", "[devs", "system:authenticated]"]);
    });
}

#[test]
fn people_are_told_what_they_may() {
    everyone(|person| {
        assert_eq!(person.ok("auth can-i '*' '*'"), "yes\n");
        assert_eq!(person.ok("auth can-i delete deployments.apps"), "yes\n");
        let everything = person.table("auth can-i --list");
        assert!(everything.iter().any(|row| row.join(" ") == "*.* [] [] [*]"), "{everything:?}");

        let asked = person.run("auth can-i get pods --as=jane");
        assert_eq!((asked.status.code(), asked.stdout.as_slice()), (Some(1), b"no\n".as_slice()));
        person.ok("create role reader --verb=get,list --resource=pods");
        person.ok("create rolebinding readers --role=reader --user=jane");
        assert_eq!(person.ok("auth can-i get pods --as=jane"), "yes\n");
        assert_eq!(person.run("auth can-i delete pods --as=jane").status.code(), Some(1));
        let some = person.table("auth can-i --list --as=jane");
        assert!(some.iter().any(|row| row.join(" ") == "pods [] [] [get list]"), "{some:?}");
        assert_eq!(person.ok("get pods --as=jane -o name"), "");
        let refused = person.refused("get configmaps --as=jane");
        let why = format!(
            "Error from server (Forbidden): configmaps is forbidden: User \"jane\" cannot list resource \"configmaps\" in \
             API group \"\" in the namespace \"{}\"\n",
            person.namespace
        );
        assert_eq!(refused, why);
    });
}

#[test]
fn a_service_account_gets_a_token_that_it_can_work_with() {
    everyone(|person| {
        person.ok("create serviceaccount robot");
        person.ok("create role reader --verb=list --resource=configmaps");
        person.ok(&format!("create rolebinding robot --role=reader --serviceaccount={}:robot", person.namespace));
        let token = person.ok("create token robot --duration=10m");
        assert_eq!(token.trim().split('.').count(), 3, "{token}");
        // The admin's client certificate would win over the token.
        let name = format!("robot-{}", person.namespace);
        person.ok(&format!("config set-credentials {name} --token={}", token.trim()));
        let who = person.table(&format!("auth whoami --user={name}"));
        assert_eq!(who[1], ["Username".to_owned(), format!("system:serviceaccount:{}:robot", person.namespace)]);
        assert_eq!(person.ok(&format!("get configmaps -o name --user={name}")), "");
        assert!(person.refused(&format!("get secrets --user={name}")).contains("(Forbidden): secrets is forbidden"));
        let missing = person.refused("create token nobody");
        assert!(missing.contains("serviceaccounts \"nobody\" not found"), "{missing}");
    });
}

#[test]
fn the_server_says_what_it_is() {
    everyone(|person| {
        let version = person.ok("version");
        assert!(version.contains("Server Version: v1.35.") && version.contains("+cowherd"), "{version}");
        assert!(person.ok("cluster-info").contains("Kubernetes control plane"), "no control plane");
        assert_eq!(person.ok("config current-context"), "cowherd\n");
        let raw = person.ok("get --raw /version");
        assert!(raw.contains("\"minor\":\"35\""), "{raw}");
    });
}
