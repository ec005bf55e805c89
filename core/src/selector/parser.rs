//! Tokens to the tree (`spec/calico.md` 3.1).
//!
//! Open parentheses are kept on a stack of our own, so that no text can exhaust the thread's; the height of the
//! finished tree, over which evaluation and printing recurse, is bounded.

use super::lexer::Lexer;
use super::{Expr, SelectorError, Token, TokenKind, ValueSet, explain};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

/// The greatest height of a tree. No text within the 1024 characters that the API allows gets there: the cheapest
/// level is `!(` and `)`.
const MAX_HEIGHT: usize = 512;

/// Parses a selector; blanks alone are `all()`.
pub(super) fn parse(text: &str) -> Result<Expr, SelectorError> {
    if text.trim_matches([' ', '\t']).is_empty() {
        return Ok(Expr::All);
    }
    let mut parser = Parser { text, lexer: Lexer::new(text), group: Group::default(), outer: Vec::new() };
    loop {
        let operand = parser.operand()?;
        if let Some(expr) = parser.after_operand(operand)? {
            return Ok(expr);
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The innermost open group; the whole text, where no parenthesis is open.
    group: Group,
    /// The groups around it, outermost first.
    outer: Vec<Group>,
}

/// What has been read within one pair of parentheses.
#[derive(Default)]
struct Group {
    /// Where its parenthesis stands; none for the whole text.
    opened: Option<Range<usize>>,
    negated: bool,
    /// Operands of `||` that are complete.
    alternatives: Operands,
    /// Operands of the `&&` being read.
    conjunction: Operands,
}

#[derive(Default)]
struct Operands {
    list: Vec<Expr>,
    /// Of the highest operand.
    height: usize,
}

struct Operand {
    expr: Expr,
    /// How many groups and negations stand above its deepest leaf.
    height: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Result<Option<Token<'a>>, SelectorError> {
        self.lexer.next().transpose()
    }

    /// Reads up to the end of the next leaf, opening the groups before it.
    fn operand(&mut self) -> Result<Operand, SelectorError> {
        let mut negated = false;
        loop {
            match self.next()? {
                Some(Token { kind: TokenKind::Not, .. }) => negated = !negated,
                Some(Token { kind: TokenKind::LeftParen, span }) => {
                    let group = Group { opened: Some(span), negated, ..Group::default() };
                    self.outer.push(mem::replace(&mut self.group, group));
                    negated = false;
                }
                token => return Ok(Operand { expr: self.leaf(token)?, height: 0 }.negated_if(negated)),
            }
        }
    }

    /// Reads what may follow an operand; gives the tree at the end of the text.
    fn after_operand(&mut self, mut operand: Operand) -> Result<Option<Expr>, SelectorError> {
        loop {
            let token = self.next()?;
            match token.as_ref().map(|token| token.kind) {
                Some(TokenKind::And) => {
                    self.group.conjunction.push(operand);
                    return Ok(None);
                }
                Some(TokenKind::Or) => {
                    self.group.push_alternative(operand);
                    return Ok(None);
                }
                Some(TokenKind::RightParen) => {
                    let Some(outer) = self.outer.pop() else {
                        return Err(explain::after_operand(self.text, &token));
                    };
                    operand = mem::replace(&mut self.group, outer).close(operand)?;
                }
                None => {
                    return match &self.group.opened {
                        Some(opened) => Err(explain::unclosed_parenthesis(opened.clone())),
                        None => mem::take(&mut self.group).close(operand).map(|whole| Some(whole.expr)),
                    };
                }
                _ => return Err(explain::after_operand(self.text, &token)),
            }
        }
    }

    fn leaf(&mut self, token: Option<Token<'a>>) -> Result<Expr, SelectorError> {
        match token {
            Some(Token { kind: TokenKind::All, .. }) => Ok(Expr::All),
            Some(Token { kind: TokenKind::Global, .. }) => Ok(Expr::Global),
            Some(Token { kind: TokenKind::Has(label), .. }) => Ok(Expr::Has(label.into())),
            Some(Token { kind: TokenKind::Label(label), span }) => self.comparison(label, span),
            token => Err(explain::expected_operand(self.text, &token, self.lexer.clone())),
        }
    }

    fn comparison(&mut self, label: &str, span: Range<usize>) -> Result<Expr, SelectorError> {
        let operator = self.next()?;
        let key = label.into();
        Ok(match operator.as_ref().map(|token| token.kind) {
            Some(TokenKind::Equals) => Expr::Equals(key, self.value()?),
            Some(TokenKind::NotEquals) => Expr::NotEquals(key, self.value()?),
            Some(TokenKind::Contains) => Expr::Contains(key, self.value()?),
            Some(TokenKind::StartsWith) => Expr::StartsWith(key, self.value()?),
            Some(TokenKind::EndsWith) => Expr::EndsWith(key, self.value()?),
            Some(TokenKind::In) => Expr::In(key, self.set()?),
            Some(TokenKind::NotIn) => Expr::NotIn(key, self.set()?),
            _ => return Err(explain::expected_operator(self.text, label, span, &operator)),
        })
    }

    fn value(&mut self) -> Result<Arc<str>, SelectorError> {
        match self.next()? {
            Some(Token { kind: TokenKind::String(value), .. }) => Ok(value.into()),
            token => Err(explain::expected_string(self.text, &token)),
        }
    }

    /// `{ "a", "b" }`; may be empty, may end in a comma.
    fn set(&mut self) -> Result<ValueSet, SelectorError> {
        match self.next()? {
            Some(Token { kind: TokenKind::LeftBrace, .. }) => {}
            token => return Err(explain::expected_set(self.text, &token)),
        }
        let mut values = Vec::new();
        loop {
            match self.next()? {
                Some(Token { kind: TokenKind::String(value), .. }) => values.push(value),
                Some(Token { kind: TokenKind::RightBrace, .. }) => break,
                token => return Err(explain::expected_member(self.text, &token)),
            }
            match self.next()? {
                Some(Token { kind: TokenKind::Comma, .. }) => {}
                Some(Token { kind: TokenKind::RightBrace, .. }) => break,
                token => return Err(explain::expected_comma(self.text, &token)),
            }
        }
        Ok(values.into_iter().collect())
    }
}

impl Group {
    fn push_alternative(&mut self, last: Operand) {
        self.conjunction.push(last);
        self.alternatives.push(mem::take(&mut self.conjunction).join(Expr::and));
    }

    fn close(mut self, last: Operand) -> Result<Operand, SelectorError> {
        self.push_alternative(last);
        let whole = self.alternatives.join(Expr::or).negated_if(self.negated);
        if whole.height > MAX_HEIGHT {
            return Err(explain::too_deep(self.opened.unwrap_or_default(), MAX_HEIGHT));
        }
        Ok(whole)
    }
}

impl Operands {
    fn push(&mut self, operand: Operand) {
        self.height = self.height.max(operand.height);
        self.list.push(operand.expr);
    }

    fn join(self, join: fn(Vec<Expr>) -> Expr) -> Operand {
        let height = self.height + usize::from(self.list.len() > 1);
        Operand { expr: join(self.list), height }
    }
}

impl Operand {
    fn negated_if(self, negated: bool) -> Operand {
        if negated { Operand { expr: Expr::Not(Box::new(self.expr)), height: self.height + 1 } } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Selector;

    #[test]
    fn the_highest_tree_evaluates_prints_and_parses_again() {
        let text = format!("{}has(a){}", "(has(b) || ".repeat(512), ")".repeat(512));
        let selector = Selector::parse(&text).unwrap();
        assert!(selector.matches(&[("a", "")]));
        assert!(!selector.matches(&[("c", "")]));
        assert_eq!(selector.to_string(), text);
    }

    #[test]
    fn depth_is_bounded_where_it_costs_and_only_there() {
        let nested = |n: usize| format!("{}has(a){}", "!(".repeat(n), ")".repeat(n));
        assert!(Selector::parse(&nested(512)).is_ok());
        assert_eq!(Selector::parse(&nested(513)).unwrap_err().span, 1..2);
        assert!(Selector::parse(&format!("{}has(a){}", "(".repeat(100_000), ")".repeat(100_000))).is_ok());
        assert!(Selector::parse(&format!("{}has(a)", "!".repeat(100_001))).is_ok());
        assert!(Selector::parse(&nested(100_000)).is_err());
        assert!(Selector::parse(&"(".repeat(100_000)).is_err());
    }
}
