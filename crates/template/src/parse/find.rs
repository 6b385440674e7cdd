//! Finds a node again by where it stands, to show it in an error.

use super::{Branch, Command, List, Node, Operand, Pipe, Position, Term};

/// What kind of node stands at a position: several begin at the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// A pipeline.
    #[default]
    Pipe,
    /// A command.
    Command,
    /// An operand.
    Operand,
    /// A `range`.
    Range,
    /// A `template`.
    Call,
}

/// The node of `list` at `position`, as Go prints it; `None` where there is none.
pub fn show(list: &List, place: Place, position: Position) -> Option<String> {
    let wanted = Wanted { place, position };
    list.nodes.iter().find_map(|node| wanted.in_node(node))
}

struct Wanted {
    place: Place,
    position: Position,
}

impl Wanted {
    fn is(&self, place: Place, position: Position) -> bool {
        self.place == place && self.position == position
    }

    fn in_node(&self, node: &Node) -> Option<String> {
        match node {
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => None,
            Node::Action(pipe) => self.in_pipe(pipe),
            Node::Range(branch) if self.is(Place::Range, branch.position) => Some(node.to_string()),
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => self.in_branch(branch),
            Node::Template(call) if self.is(Place::Call, call.position) => Some(node.to_string()),
            Node::Template(call) => call.pipe.as_ref().and_then(|pipe| self.in_pipe(pipe)),
        }
    }

    fn in_branch(&self, branch: &Branch) -> Option<String> {
        let lists = std::iter::once(&branch.list).chain(&branch.otherwise);
        self.in_pipe(&branch.pipe).or_else(|| lists.flat_map(|list| &list.nodes).find_map(|node| self.in_node(node)))
    }

    fn in_pipe(&self, pipe: &Pipe) -> Option<String> {
        if self.is(Place::Pipe, pipe.position) {
            return Some(pipe.to_string());
        }
        pipe.commands.iter().find_map(|command| self.in_command(command))
    }

    fn in_command(&self, command: &Command) -> Option<String> {
        if self.is(Place::Command, command.position) {
            return Some(command.to_string());
        }
        command.operands.iter().find_map(|operand| self.in_operand(operand))
    }

    fn in_operand(&self, operand: &Operand) -> Option<String> {
        if self.is(Place::Operand, operand.position) {
            return Some(operand.term.to_string());
        }
        match &operand.term {
            Term::Pipe(pipe) => self.in_pipe(pipe),
            Term::Chain(inner, _) => self.in_operand(inner),
            _ => None,
        }
    }
}
