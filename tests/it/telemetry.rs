//! What stands in the log: lines of JSON in which no address can be read.

use std::io::{self, Write};

use countersign::telemetry::Masked;
use tracing_subscriber::layer::SubscriberExt as _;

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
        move || Masked::new(kept.clone())
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
