//! Reads text, actions and control structures.

use std::sync::Arc;

use super::MAX_DEPTH;
use super::node::{Branch, Call, List, Node};
use super::parser::{Parser, Result};
use super::token::{Kind, Token};

/// What stands in a list, or ends it.
enum Item {
    Node(Node),
    End,
    Else,
}

impl Item {
    /// How errors call what ends a list.
    fn name(&self) -> &'static str {
        match self {
            Self::Else => "{{else}}",
            _ => "{{end}}",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    Range,
    With,
}

impl Control {
    fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }
}

impl<'t> Parser<'_, 't> {
    /// Reads everything, definitions too.
    pub(super) fn top_level(&mut self) -> Result<List> {
        let mut list = List::default();
        while self.peek_kind() != Kind::Eof {
            if self.peek_kind() == Kind::LeftDelimiter {
                let delimiter = self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.back_up_2(delimiter);
            }
            match self.text_or_action()? {
                Item::Node(node) => list.nodes.push(node),
                end => return self.error(format!("unexpected {}", end.name())),
            }
        }
        Ok(list)
    }

    /// Reads a definition behind its keyword.
    fn definition(&mut self) -> Result<()> {
        const CONTEXT: &str = "define clause";
        let around = self.begin_template();
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let (list, end) = self.list()?;
        if let Item::Else = end {
            return self.error(format!("unexpected {} in {CONTEXT}", end.name()));
        }
        self.define(name, list)?;
        self.tree = around;
        Ok(())
    }

    fn template_name(&mut self, token: &Token<'t>, context: &str) -> Result<Arc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match self.unquoted(token.value) {
            Some(name) => Ok(name.to_shared()),
            None => self.error("invalid syntax"),
        }
    }

    /// Reads up to an `end` or `else`, which is given too.
    fn list(&mut self) -> Result<(List, Item)> {
        let mut list = List::default();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Node(node) => list.nodes.push(node),
                end => return Ok((list, end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(self.written(token.value)))),
            Kind::LeftDelimiter => {
                self.tree.action_line = token.line;
                let item = self.action();
                self.tree.action_line = 0;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    /// Reads an action behind its left delimiter.
    fn action(&mut self) -> Result<Item> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.leave_or_go_on(&token, "{{break}}", Node::Break)?,
            Kind::Continue => self.leave_or_go_on(&token, "{{continue}}", Node::Continue)?,
            Kind::Else => return self.otherwise(),
            Kind::End => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::End);
            }
            Kind::If => Node::If(Box::new(self.branch(Control::If)?)),
            Kind::Range => Node::Range(Box::new(self.branch(Control::Range)?)),
            Kind::With => Node::With(Box::new(self.branch(Control::With)?)),
            Kind::Template => self.call()?,
            _ => {
                self.back_up();
                Node::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn leave_or_go_on(&mut self, keyword: &Token<'t>, context: &str, node: fn(usize) -> Node) -> Result<Node> {
        self.expect(Kind::RightDelimiter, context)?;
        if self.tree.ranges == 0 {
            return self.error(format!("{context} outside {{{{range}}}}"));
        }
        Ok(node(keyword.position))
    }

    /// Reads an `else` behind its keyword. An `if` or `with` behind it is left for the branch that it belongs to.
    fn otherwise(&mut self) -> Result<Item> {
        if !matches!(self.peek_non_space().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(Item::Else)
    }

    /// Reads an `if`, `range` or `with` behind its keyword.
    fn branch(&mut self, control: Control) -> Result<Branch> {
        let variables = self.count_variables();
        let branch = self.deeper(|| too_deep("control structures"), |parser| parser.nested_branch(control))?;
        self.forget_variables(variables);
        Ok(branch)
    }

    fn nested_branch(&mut self, control: Control) -> Result<Branch> {
        let pipe = self.pipeline(control.name(), Kind::RightDelimiter)?;
        let in_range = usize::from(control == Control::Range);
        self.tree.ranges += in_range;
        let (list, end) = self.list()?;
        self.tree.ranges -= in_range;
        let otherwise = match end {
            Item::Else => Some(self.other_list(control)?),
            _ => None,
        };
        Ok(Branch { position: pipe.position, pipe, list, otherwise })
    }

    /// Reads what follows an `else`. `else if` is an `if` in an `else`, and both have the same end.
    fn other_list(&mut self, control: Control) -> Result<List> {
        let next = self.peek_kind();
        if control == Control::If && next == Kind::If {
            self.next();
            return Ok(List { nodes: vec![Node::If(Box::new(self.branch(control)?))] });
        }
        if control == Control::With && next == Kind::With {
            self.next();
            return Ok(List { nodes: vec![Node::With(Box::new(self.branch(control)?))] });
        }
        let (list, end) = self.list()?;
        match end {
            Item::Else => self.error(format!("expected end; found {}", end.name())),
            _ => Ok(list),
        }
    }

    /// Reads a block behind its keyword: a definition that is called where it stands.
    fn block(&mut self) -> Result<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        self.deeper(|| too_deep("blocks"), |parser| parser.block_body(name.clone(), CONTEXT))?;
        Ok(Node::Template(Box::new(Call { position: token.position, name, pipe: Some(pipe) })))
    }

    fn block_body(&mut self, name: Arc<str>, context: &str) -> Result<()> {
        let around = self.begin_template();
        let (list, end) = self.list()?;
        if let Item::Else = end {
            self.tree = around;
            return self.error(format!("unexpected {} in {context}", end.name()));
        }
        self.define(name, list)?;
        self.tree = around;
        Ok(())
    }

    /// Reads a call of a template behind its keyword.
    fn call(&mut self) -> Result<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelimiter {
            self.back_up();
            pipe = Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?);
        }
        Ok(Node::Template(Box::new(Call { position: token.position, name, pipe })))
    }
}

fn too_deep(what: &str) -> String {
    format!("{what} are nested too deep: more than {MAX_DEPTH} levels")
}
