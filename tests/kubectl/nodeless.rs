//! What takes a node, or what this server has not, says so and no more.

use super::people::everyone;

#[test]
fn a_pod_without_a_node_has_no_logs_and_no_shell() {
    everyone(|person| {
        person.ok("run web --image=nginx --port=80");
        let homeless = "Error from server (BadRequest): pod web does not have a host assigned\n";
        assert_eq!(person.refused("logs web"), homeless);
        assert_eq!(person.refused("exec web -- ls"), homeless);
        assert!(person.refused("attach web").ends_with(homeless));
        let pending = "error: unable to forward port because pod is not running. Current status=Pending\n";
        assert_eq!(person.refused("port-forward pod/web 8080:80"), pending);
        let debug = person.refused("debug web --image=busybox");
        assert!(debug.contains("ephemeral containers are disabled for this cluster"), "{debug}");
    });
}

#[test]
fn there_is_no_node_to_care_for() {
    everyone(|person| {
        let missing = "Error from server (NotFound): nodes \"worker\" not found\n";
        for command in ["cordon worker", "uncordon worker", "drain worker", "taint node worker a=b:NoSchedule"] {
            assert_eq!(person.refused(command), missing, "{command}");
        }
        let nodes = person.refused("top nodes");
        assert_eq!(nodes, "error: Metrics API not available\n");
        assert_eq!(person.refused("top pods"), "error: Metrics API not available\n");
    });
}

#[test]
fn a_resource_that_the_server_has_not_is_unknown() {
    everyone(|person| {
        let why = "error: the server doesn't have a resource type \"certificatesigningrequests\"\n";
        assert_eq!(person.refused("certificate approve x"), why);
    });
}
