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

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_address_can_be_read_in_a_line_and_each_is_still_json() {
        let kept = Kept::default();
        let writer = {
            let kept = kept.clone();
            move || Masked(kept.clone())
        };
        let log = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer().json().with_writer(writer));
        tracing::subscriber::with_default(log, || {
            tracing::info!(to = "ann.miller+x@example.com", "550 <ann.miller+x@example.com> is unknown");
            tracing::error!(error = "\"Jörg\" <jörg@exämple.com>,bob@mail.example.org", "smtp://user:word@mail.example.org");
            tracing::info!("a line\nwith \u{1b}[31mcontrols and mary@example.com");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        for hidden in ["ann.miller", "jörg@", "bob@", "mary", "word@"] {
            assert!(!text.contains(hidden), "{hidden} stands in {text}");
        }
        for seen in ["a***@example.com", "b***@mail.example.org", "m***@example.com"] {
            assert!(text.contains(seen), "{seen} is not in {text}");
        }
        assert_eq!(text.lines().count(), 3, "one line each: {text}");
        assert!(!text.contains('\u{1b}'));
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}
