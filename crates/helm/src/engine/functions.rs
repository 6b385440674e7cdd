//! The functions that need the engine: `include`, `tpl`, `required`, `fail`, `lookup` and `getHostByName`.

use std::collections::HashMap;

use cowherd_template::{Definitions, Execution, Fault, Function, Text, Type, Value};

use super::wording::{MESSAGE_END, MESSAGE_START};
use super::{Lookup, convert};
use crate::functions::Context;

/// How often one template may be included inside of itself.
const MAX_INCLUDES: u32 = 1000;

/// How many texts `tpl` keeps read, and how many bytes they have together: what was read takes many times as much.
const MAX_TEXTS: usize = 1000;
const MAX_TEXT_BYTES: usize = 4 * 1024 * 1024;

/// What Go writes where there is no value, and Helm takes out again.
pub(super) const NO_VALUE: &str = "<no value>";

/// What the functions need to remember while templates are executed.
#[derive(Default)]
pub struct State<'a> {
    /// How often each template is being included at the moment.
    included: HashMap<String, u32>,
    /// What `tpl` has read before: charts give it the same texts again and again.
    texts: HashMap<Text, Definitions>,
    /// The bytes of these texts.
    text_bytes: usize,
    /// Where objects are looked up; without one, no object is there.
    pub(crate) lookup: Option<&'a dyn Lookup>,
}

type Call<'e, 'c> = Execution<'e, Context<'c>>;

pub(super) fn functions<'c>() -> [Function<Context<'c>>; 6] {
    [
        Function::new("include", &[Type::String, Type::Any], include),
        Function::new("tpl", &[Type::String, Type::Any], tpl),
        Function::new("required", &[Type::String, Type::Any], required),
        Function::new("fail", &[Type::String], |_, arguments| Err(say(&text(arguments, 0)))),
        Function::new("lookup", &[Type::String, Type::String, Type::String, Type::String], lookup),
        // Renders do not depend on the network.
        Function::new("getHostByName", &[Type::String], |_, _| Ok(Value::from(""))),
    ]
}

fn text(arguments: &[Value], at: usize) -> String {
    arguments.get(at).and_then(Value::as_text).map(|text| text.to_str().into_owned()).unwrap_or_default()
}

fn say(message: &str) -> Fault {
    Fault::Message(format!("{MESSAGE_START}{message}{MESSAGE_END}"))
}

fn include(call: &mut Call<'_, '_>, arguments: &[Value]) -> Result<Value, Fault> {
    let name = text(arguments, 0);
    let data = arguments.get(1).cloned().unwrap_or_default();
    let count = call.context().engine.included.entry(name.clone()).or_default();
    if *count > MAX_INCLUDES {
        let message = format!("rendering template has a nested reference name: {name}: unable to execute template");
        return Err(Fault::Message(message));
    }
    *count += 1;
    let result = call.execute(&name, &data);
    if let Some(count) = call.context().engine.included.get_mut(&name) {
        *count -= 1;
    }
    Ok(Value::String(result?))
}

fn tpl(call: &mut Call<'_, '_>, arguments: &[Value]) -> Result<Value, Fault> {
    let Some(text) = arguments.first().and_then(Value::as_text).cloned() else { return Ok(Value::from("")) };
    let data = arguments.get(1).cloned().unwrap_or_default();
    if memchr::memmem::find(text.as_bytes(), b"{{").is_none() {
        return Ok(Value::String(without_no_value(text.clone())));
    }
    let known = call.context().engine.texts.get(&text).cloned();
    let definitions = match known {
        Some(definitions) => definitions,
        None => read(call, &text)?,
    };
    match call.execute_defined(definitions, &data) {
        Ok(written) => Ok(Value::String(without_no_value(written))),
        Err(error) => {
            let message = format!("error during tpl function execution for {}", quoted(&text));
            Err(Fault::Within { message, error: Box::new(error) })
        }
    }
}

fn read(call: &mut Call<'_, '_>, text: &Text) -> Result<Definitions, Fault> {
    let name = call.templates().name().to_owned();
    let definitions = Definitions::parse(&name, text.as_bytes(), call.functions()).map_err(|error| {
        let message = format!("cannot parse template {}", quoted(text));
        Fault::Within { message, error: Box::new(cowherd_template::Error::Parse(error)) }
    })?;
    let state = &mut call.context().engine;
    let text_bytes = state.text_bytes.saturating_add(text.as_bytes().len());
    if state.texts.len() < MAX_TEXTS && text_bytes <= MAX_TEXT_BYTES {
        state.text_bytes = text_bytes;
        state.texts.insert(text.clone(), definitions.clone());
    }
    Ok(definitions)
}

/// The text in quotes; of a long one the beginning, since each of thousands of templates inside each other says it.
fn quoted(text: &Text) -> String {
    const LONG: usize = 4096;
    let bytes = text.as_bytes();
    match bytes.get(..LONG) {
        Some(beginning) if bytes.len() > LONG => cowherd_template::format::quote(beginning) + "…",
        _ => cowherd_template::format::quote(bytes),
    }
}

/// The text without what Go writes where there is no value.
pub(super) fn without_no_value(text: Text) -> Text {
    let bytes = text.as_bytes();
    let mut found = memchr::memmem::find_iter(bytes, NO_VALUE).peekable();
    if found.peek().is_none() {
        return text;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in found {
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + NO_VALUE.len();
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    Text::from_bytes(out)
}

fn required(_: &mut Call<'_, '_>, arguments: &[Value]) -> Result<Value, Fault> {
    match arguments.get(1) {
        None | Some(Value::Nil) => Err(say(&text(arguments, 0))),
        Some(Value::String(value)) if value.is_empty() => Err(say(&text(arguments, 0))),
        Some(value) => Ok(value.clone()),
    }
}

fn lookup(call: &mut Call<'_, '_>, arguments: &[Value]) -> Result<Value, Fault> {
    let nothing = || Ok(Value::Map(cowherd_template::Map::new()));
    let Some(cluster) = call.context().engine.lookup else { return nothing() };
    let [api_version, kind, namespace, name] = [0, 1, 2, 3].map(|at| text(arguments, at));
    match cluster.lookup(&api_version, &kind, &namespace, &name)? {
        Some(object) => Ok(convert::value(&object)),
        None => nothing(),
    }
}

#[cfg(test)]
mod tests {
    use cowherd_template::Limits;
    use cowherd_tree::MemoryTree;

    use super::*;
    use crate::engine::execute;
    use crate::scope::TemplateSet;

    /// What is wrong with a chart of this template, on a thread with as little stack as those that render.
    fn failure(template: String) -> String {
        let render = move || {
            let about = "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned();
            let files = [("Chart.yaml", about), ("templates/a.yaml", template)];
            let tree = MemoryTree::new(files).unwrap();
            let chart = crate::chart::load(&tree, &Default::default(), &Default::default()).unwrap();
            let (values, release, capabilities) = Default::default();
            let set = TemplateSet::new(&chart, &values, &release, &capabilities);
            let mut context = Context::seeded(jiff::Timestamp::UNIX_EPOCH, b"");
            execute(&set, &mut context, &Limits::default()).unwrap_err().to_string()
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(render).unwrap().join().unwrap()
    }

    #[test]
    fn templates_that_execute_themselves_fail_in_bounded_stack_and_words() {
        let told = failure("{{ $_ := set .Values \"t\" \"{{ tpl .Values.t . }}\" }}{{ tpl .Values.t . }}".to_owned());
        assert!(told.contains("error calling tpl"), "{told:.200}");
        assert!(told.len() < 128 * 1024, "{}", told.len());
        let long = "x".repeat(10_000);
        let told = failure(format!(
            "{{{{ $_ := set .Values \"t\" \"{{{{ tpl .Values.t . }}}}{long}\" }}}}{{{{ tpl .Values.t . }}}}"
        ));
        assert!(told.len() < 128 * 1024, "{}", told.len());
        let chained: String = (0..3_000)
            .map(|n| format!("{{{{ define \"x{n}\" }}}}{{{{ include \"x{}\" . }}}}{{{{ end }}}}", n + 1))
            .collect();
        let told = failure(format!("{chained}{{{{ include \"x0\" . }}}}"));
        assert!(told.len() < 128 * 1024, "{}", told.len());
        let deep = "{{ $_ := set .Values \"t\" \"{{ if gt (int .Values.n) 3000 }}{{ fail \\\"enough\\\" }}{{ end }}{{ $_ := set .Values \\\"n\\\" \
                    (add1 (int .Values.n)) }}{{ tpl .Values.t . }}\" }}{{ tpl .Values.t . }}";
        assert!(failure(deep.to_owned()).ends_with("enough"), "{}", failure(deep.to_owned()));
    }

    #[test]
    fn tpl_keeps_no_more_of_what_it_reads_than_is_bearable() {
        let template =
            "{{ range until 9 }}{{ tpl (printf \"{{ . }}%s%d\" (repeat 1000000 \"x\") .) . | len }} {{ end }}";
        let files = [("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"), ("templates/a.yaml", template)];
        let tree = MemoryTree::new(files).unwrap();
        let chart = crate::chart::load(&tree, &Default::default(), &Default::default()).unwrap();
        let (values, release, capabilities) = Default::default();
        let set = TemplateSet::new(&chart, &values, &release, &capabilities);
        let mut context = Context::seeded(jiff::Timestamp::UNIX_EPOCH, b"");
        let written = execute(&set, &mut context, &Limits::default()).unwrap();
        assert_eq!(written[0].1, Text::from("1000002 ".repeat(9)));
        assert_eq!(context.engine.texts.len(), 4);
        assert!(context.engine.text_bytes <= MAX_TEXT_BYTES);
    }
}
