//! The content of a message, octet by octet: where it ends, and what refuses it.

/// Longest text line without CRLF, after unstuffing (RFC 5321 §4.5.3.1.6).
const TEXT_MAX: usize = 998;

/// Where the reader stands. Only a true CRLF leads back to `LineStart`, so only CRLF.CRLF
/// ever ends a message, whatever mixture of CR, LF and dots comes (V-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    Dot,
    DotCr,
    Text,
    Cr,
}

/// Takes stuffed content and gives it back unstuffed.
pub(super) struct Content {
    raw: Vec<u8>,
    limit: usize,
    line: usize,
    state: State,
    refusal: Option<&'static str>,
}

impl Content {
    /// For content of at most `limit` octets.
    pub(super) fn new(limit: usize) -> Self {
        Content { raw: Vec::new(), limit, line: 0, state: State::LineStart, refusal: None }
    }

    /// Takes octets up to the end of data; says how many, and whether it was reached.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.step(byte) {
                return (index + 1, true);
            }
        }
        (bytes.len(), false)
    }

    /// The content, or the reply that refuses it.
    pub(super) fn finish(self) -> Result<Vec<u8>, &'static str> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self.raw),
        }
    }

    fn step(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            (State::DotCr, b'\n') => return true,
            (State::LineStart | State::Text, b'\r') => State::Cr,
            (State::Cr, b'\n') => {
                self.push(b"\r\n");
                self.line = 0;
                State::LineStart
            }
            (State::DotCr | State::Cr, other) => {
                self.refuse("500 5.5.2 A carriage return stands alone.");
                if other == b'\r' { State::Cr } else { State::Text }
            }
            (State::LineStart | State::Dot | State::Text, b'\n') => {
                self.refuse("500 5.5.2 A line feed stands alone.");
                State::Text
            }
            (State::LineStart | State::Dot | State::Text, other) => {
                self.line += 1;
                if self.line > TEXT_MAX {
                    self.refuse("500 5.5.2 A line is longer than 998 octets.");
                }
                self.push(&[other]);
                State::Text
            }
        };
        false
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.raw.len() + bytes.len() > self.limit {
            self.refuse("552 5.3.4 This message is too big.");
        }
        if self.refusal.is_none() {
            self.raw.extend_from_slice(bytes);
        }
    }

    /// The first fault counts; what was read so far is let go.
    fn refuse(&mut self, reply: &'static str) {
        self.refusal.get_or_insert(reply);
        self.raw = Vec::new();
    }
}
