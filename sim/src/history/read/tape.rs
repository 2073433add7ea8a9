//! The forms of one operation, one behind the other as they are read.
//!
//! A million operations are some hundred million forms: one tape is used for all of them, and a form takes 16
//! bytes of it and no allocation of its own. A list or a map stands in front of what is in it and knows where
//! that ends.

use super::tree::{Data, Odd, Tree};

/// Forms, and the text of those that are text.
#[derive(Debug, Default)]
pub(super) struct Tape {
    forms: Vec<Form>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Nil,
    Number(i64),
    Text(Span),
    Word(Span),
    Odd(Span),
    List(Inside),
    Map(Inside),
}

/// A piece of the text.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u32,
    to: u32,
}

/// What is in a list or a map: how many forms (those in them not counted), and where what follows them stands.
#[derive(Debug, Clone, Copy)]
struct Inside {
    items: u32,
    over: u32,
}

/// A place in the text or among the forms. An operation is a few megabytes at the most.
fn place(place: usize) -> u32 {
    u32::try_from(place).expect("an operation has a greatest length")
}

impl Tape {
    /// For the next operation.
    pub(super) fn clear(&mut self) {
        self.forms.clear();
        self.text.clear();
    }

    /// How many forms there are.
    pub(super) const fn len(&self) -> usize {
        self.forms.len()
    }

    /// Forgets what was read from there on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.forms.truncate(len);
    }

    pub(super) fn nil(&mut self) {
        self.forms.push(Form::Nil);
    }

    pub(super) fn number(&mut self, number: i64) {
        self.forms.push(Form::Number(number));
    }

    /// A list of two numbers.
    pub(super) fn pair(&mut self, first: i64, second: i64) {
        let over = place(self.forms.len() + 3);
        let list = Form::List(Inside { items: 2, over });
        self.forms.extend_from_slice(&[list, Form::Number(first), Form::Number(second)]);
    }

    pub(super) fn text(&mut self, text: &str) {
        let span = self.span(text);
        self.forms.push(Form::Text(span));
    }

    pub(super) fn word(&mut self, word: &str) {
        let span = self.span(word);
        self.forms.push(Form::Word(span));
    }

    pub(super) fn odd(&mut self, text: &str) {
        let span = self.span(text);
        self.forms.push(Form::Odd(span));
    }

    fn span(&mut self, text: &str) -> Span {
        let from = place(self.text.len());
        self.text.push_str(text);
        Span { from, to: place(self.text.len()) }
    }

    /// A list or a map begins. Its place, for closing it.
    pub(super) fn open(&mut self) -> usize {
        self.forms.push(Form::Nil);
        self.forms.len() - 1
    }

    /// What was opened there is a list of so many items.
    pub(super) fn list(&mut self, opened: usize, items: u32) {
        self.forms[opened] = Form::List(Inside { items, over: place(self.forms.len()) });
    }

    /// What was opened there is a map of so many pairs.
    pub(super) fn map(&mut self, opened: usize, pairs: u32) {
        self.forms[opened] = Form::Map(Inside { items: pairs, over: place(self.forms.len()) });
    }

    /// The first form, if there is one: an operation.
    pub(super) fn first(&self) -> Option<Laid<'_>> {
        (!self.forms.is_empty()).then_some(Laid { tape: self, at: 0 })
    }

    fn str(&self, span: Span) -> &str {
        &self.text[span.from as usize..span.to as usize]
    }
}

/// A form on a tape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Laid<'a> {
    tape: &'a Tape,
    at: u32,
}

impl<'a> Tree<'a> for Laid<'a> {
    type List = Items<'a>;
    type Map = Pairs<'a>;

    #[inline(always)]
    fn data(self) -> Data<'a, Self::List, Self::Map> {
        let items = |inside: Inside| Items { tape: self.tape, at: self.at + 1, left: inside.items };
        match self.tape.forms[self.at as usize] {
            Form::Nil => Data::Nil,
            Form::Number(number) => Data::Number(number),
            Form::Text(span) => Data::Text(self.tape.str(span)),
            Form::Word(span) => Data::Word(self.tape.str(span)),
            Form::Odd(span) => Data::Odd(Odd::Written(self.tape.str(span))),
            Form::List(inside) => Data::List(items(inside)),
            Form::Map(inside) => Data::Map(Pairs(items(Inside { items: inside.items * 2, ..inside }))),
        }
    }
}

/// The items of a list.
#[derive(Debug, Clone)]
pub(super) struct Items<'a> {
    tape: &'a Tape,
    at: u32,
    left: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Laid<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Laid<'a>> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        self.at = match self.tape.forms[at as usize] {
            Form::List(inside) | Form::Map(inside) => inside.over,
            Form::Nil | Form::Number(_) | Form::Text(_) | Form::Word(_) | Form::Odd(_) => at + 1,
        };
        Some(Laid { tape: self.tape, at })
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The pairs of a map.
#[derive(Debug, Clone)]
pub(super) struct Pairs<'a>(Items<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (Laid<'a>, Laid<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len() / 2, Some(self.0.len() / 2))
    }
}

impl ExactSizeIterator for Pairs<'_> {}
