//! Shows trees with all that Go has in its own: what each node is, where it stands, and what it holds.

use cowherd_template::parse::{Branch, Command, List, Node, Number, Operand, Pipe, Term, parse};

const FUNCTIONS: [&str; 9] = ["printf", "f", "g", "and", "or", "include", "toYaml", "index", "eq"];

/// `ok` with name, text and shape of every template, sorted by name; or `error` and what is wrong.
pub fn answer(text: &str) -> Vec<String> {
    let parsed = match parse("t", text, &|name| FUNCTIONS.contains(&name)) {
        Ok(parsed) => parsed,
        Err(error) => return vec!["error".into(), error.to_string()],
    };
    let mut templates: Vec<_> = parsed.definitions.iter().map(|(name, list)| (name.to_string(), list)).collect();
    templates.push(("t".into(), &parsed.main));
    templates.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut answer = vec!["ok".to_owned()];
    for (name, list) in templates {
        answer.extend([name, list.to_string(), show_list(list)]);
    }
    answer
}

fn show_list(list: &List) -> String {
    list.nodes.iter().map(show_node).collect()
}

fn show_node(node: &Node) -> String {
    let shown = match node {
        Node::Text(_) => return String::new(),
        Node::Action(pipe) => return show_pipe(pipe),
        Node::If(branch) => ("if", show_branch(branch)),
        Node::With(branch) => ("with", show_branch(branch)),
        Node::Range(branch) => ("range", show_branch(branch)),
        Node::Template(call) => ("template", call.pipe.as_ref().map(show_pipe).unwrap_or_default()),
        Node::Break(_) => ("break", String::new()),
        Node::Continue(_) => ("continue", String::new()),
    };
    format!("({} {}{})", shown.0, node.position(), shown.1)
}

fn show_branch(branch: &Branch) -> String {
    let mut shown = format!("{}[{}]", show_pipe(&branch.pipe), show_list(&branch.list));
    if let Some(list) = &branch.otherwise {
        shown += &format!("[{}]", show_list(list));
    }
    shown
}

fn show_pipe(pipe: &Pipe) -> String {
    format!("(pipe {}{})", pipe.position, pipe.commands.iter().map(show_command).collect::<String>())
}

fn show_command(command: &Command) -> String {
    format!("(command {}{})", command.position, command.operands.iter().map(show_operand).collect::<String>())
}

fn show_operand(operand: &Operand) -> String {
    let names = |names: &[std::sync::Arc<str>]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        format!(" [{}]", quoted.join(" "))
    };
    let (kind, shown) = match &operand.term {
        Term::Pipe(pipe) => return show_pipe(pipe),
        Term::Dot => ("dot", String::new()),
        Term::Nil => ("nil", String::new()),
        Term::Bool(_) => ("bool", String::new()),
        Term::Number(number) => ("number", show_number(number)),
        Term::String { text, .. } => {
            ("string", format!(" {}", text.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        }
        Term::Field(fields) => ("field", names(fields)),
        Term::Variable(name, fields) => ("variable", names(&[std::slice::from_ref(name), fields].concat())),
        Term::Function(_) => ("function", String::new()),
        Term::Chain(inner, fields) => ("chain", show_operand(inner) + &names(fields)),
    };
    format!("({kind} {}{shown})", operand.position)
}

fn show_number(number: &Number) -> String {
    let mut shown = String::new();
    if let Some(int) = number.int {
        shown += &format!(" int={int}");
    }
    if let Some(uint) = number.uint {
        shown += &format!(" uint={uint}");
    }
    if let Some(float) = number.float {
        shown += &format!(" float={:x}", float.to_bits());
    }
    if number.complex.is_some() {
        shown += " complex";
    }
    shown
}
