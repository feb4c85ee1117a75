//! What a request looks like in the log: its route, never its path. Paths hold tokens
//! of invitations and unsubscribe links, and queries hold addresses.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use std::io::{self, Write};
use std::sync::LazyLock;

use regex::bytes::Regex;
use tracing::{Span, field};
use tracing_actix_web::{DefaultRootSpanBuilder, RootSpanBuilder};

/// Standard error, in which no address can be read: `ann@example.com` becomes `a***@example.com`.
pub struct Masked<W>(W);

impl<W> Masked<W> {
    /// Writes to this.
    pub fn new(writer: W) -> Masked<W> {
        Masked(writer)
    }
}

/// Where the lines of the log go.
pub fn masked_stderr() -> Masked<io::Stderr> {
    Masked(io::stderr())
}

fn masked(line: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    #[expect(clippy::unwrap_used, reason = "the pattern is written here")]
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"([^\s"<>@,;:()\[\]\\/=])[^\s"<>@,;:()\[\]\\/=]*@([\w-]+\.)"#).unwrap());
    ADDRESS.replace_all(line, &b"${1}***@${2}"[..])
}

impl<W: Write> Write for Masked<W> {
    /// The log hands each line over whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&masked(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Builds the span around a request.
pub struct Requests;

impl RootSpanBuilder for Requests {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
        // The door of the API puts the id there.
        tracing::info_span!("request", method = %request.method(), route, request_id = field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        DefaultRootSpanBuilder::on_request_end(span, outcome);
    }
}
