//! One SMTP session (RFC 5321), as strict as a relay should be.

use std::io;
use std::mem;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::behaviour::{Action, Moment, Verb};
use super::content::Content;
use super::syntax::path_of;
use super::{SIZE_MAX, Shared};

/// Longest command line with CRLF; 512 in RFC 5321 §4.5.3.1.4, more for AUTH and extensions.
const COMMAND_MAX: usize = 4096;
/// Most recipients of one message (RFC 5321 §4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;

/// Whether the session goes on.
pub(super) type Flow = io::Result<bool>;

pub(super) struct Session<'a> {
    stream: BufReader<TcpStream>,
    pub(super) shared: &'a Shared,
    pub(super) greeted: bool,
    pub(super) signed_in: bool,
    pub(super) from: Option<String>,
    to: Vec<String>,
    utf8: bool,
}

pub(super) async fn serve(stream: TcpStream, shared: &Shared, full: bool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session { stream: BufReader::new(stream), shared, greeted: false, signed_in: false, from: None, to: Vec::new(), utf8: false };
    if full {
        session.say("421 4.7.0 Too many connections; try again later.").await?;
        return Ok(());
    }
    if session.scripted(Verb::Connect, "220 catcher.local ESMTP Countersign mail catcher", |_| true).await? {
        while session.turn().await? {}
    }
    session.stream.get_mut().shutdown().await
}

impl Session<'_> {
    /// One command.
    async fn turn(&mut self) -> Flow {
        let idle = self.shared.behaviour.idle;
        let line = match tokio::time::timeout(idle, self.command_line()).await {
            Ok(line) => line?,
            Err(_) => {
                self.say("421 4.4.2 Nothing was said for too long.").await?;
                return Ok(false);
            }
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(false),
            // What follows cannot be told from what came before: hang up.
            Err(refusal) => {
                self.say(refusal).await?;
                return Ok(false);
            }
        };
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let (verb, argument) = (verb.to_ascii_uppercase(), argument.trim());
        self.shared.heard(if verb == "AUTH" { "AUTH" } else { &line });
        match verb.as_str() {
            "EHLO" | "HELO" => self.hello(&verb, argument).await,
            "STARTTLS" => self.scripted(Verb::StartTls, "454 4.7.0 TLS is not available.", |_| true).await,
            "AUTH" => self.auth(argument).await,
            "MAIL" => self.mail(argument).await,
            "RCPT" => self.rcpt(argument).await,
            "DATA" => self.data(argument).await,
            "RSET" => self.scripted(Verb::Rset, "250 2.0.0 Forgotten.", Session::reset).await,
            "NOOP" => self.say("250 2.0.0 Still here.").await,
            "VRFY" => self.say("252 2.5.2 Send it and see.").await,
            "QUIT" => {
                self.scripted(Verb::Quit, "221 2.0.0 Goodbye.", |_| true).await?;
                Ok(false)
            }
            _ => self.say("500 5.5.1 This command is not known.").await,
        }
    }

    async fn hello(&mut self, verb: &str, name: &str) -> Flow {
        if name.is_empty() {
            return self.say("501 5.5.4 Say who you are.").await;
        }
        let behaviour = &self.shared.behaviour;
        let mut lines = vec!["250 catcher.local".to_owned()];
        if verb == "EHLO" {
            let size = format!("SIZE {}", behaviour.size);
            for offer in ["PIPELINING", &size, "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"] {
                if behaviour.offers(offer.split(' ').next().unwrap_or_default()) {
                    lines.push(offer.to_owned());
                }
            }
            if behaviour.starttls {
                lines.push("STARTTLS".to_owned());
            }
            if behaviour.credentials.is_some() {
                lines.push("AUTH PLAIN LOGIN".to_owned());
            }
        }
        let greet = |session: &mut Session<'_>| {
            session.greeted = true;
            session.reset()
        };
        self.scripted(Verb::Ehlo, &lines.join("\n"), greet).await
    }

    async fn mail(&mut self, argument: &str) -> Flow {
        let behaviour = &self.shared.behaviour;
        if !self.greeted || self.from.is_some() {
            return self.say("503 5.5.1 Not now.").await;
        }
        if behaviour.credentials.is_some() && !self.signed_in {
            return self.say("530 5.7.0 Sign in first.").await;
        }
        let Some((path, parameters)) = path_of(argument, "FROM:") else {
            return self.say("501 5.5.4 Write MAIL FROM:<address>.").await;
        };
        let mut utf8 = false;
        for parameter in parameters.split_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (name.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
                ("SIZE", size) if size.parse::<usize>().is_ok_and(|size| size > behaviour.size) => {
                    return self.say("552 5.3.4 This message is too big.").await;
                }
                ("SIZE", size) if size.parse::<usize>().is_ok() && behaviour.offers("SIZE") => {}
                ("BODY", "7BIT" | "8BITMIME") if behaviour.offers("8BITMIME") => {}
                ("SMTPUTF8", "") if behaviour.offers("SMTPUTF8") => utf8 = true,
                // It takes everything or refuses it at once, so it never reports.
                ("ENVID", id) if !id.is_empty() && behaviour.offers("DSN") => {}
                _ => return self.say("555 5.5.4 This parameter is not known.").await,
            }
        }
        if !path.is_ascii() && !utf8 {
            return self.say("553 5.6.7 This address needs SMTPUTF8.").await;
        }
        let moment = Moment { verb: Verb::Mail, from: path.to_owned(), to: Vec::new(), raw: Vec::new() };
        let begin = |session: &mut Session<'_>| {
            session.utf8 = utf8;
            session.from = Some(moment.from.clone());
            true
        };
        self.answer(&moment, "250 2.1.0 From whom is clear.", begin).await
    }

    async fn rcpt(&mut self, argument: &str) -> Flow {
        let Some(from) = self.from.clone() else {
            return self.say("503 5.5.1 MAIL comes first.").await;
        };
        let path = match path_of(argument, "TO:") {
            Some((path, "")) if !path.is_empty() => path,
            Some((_, parameters)) if !parameters.is_empty() => {
                return self.say("555 5.5.4 This parameter is not known.").await;
            }
            _ => return self.say("501 5.5.4 Write RCPT TO:<address>.").await,
        };
        if !path.is_ascii() && !self.utf8 {
            return self.say("553 5.6.7 This address needs SMTPUTF8.").await;
        }
        if self.to.len() == RECIPIENTS_MAX {
            return self.say("452 4.5.3 Too many recipients.").await;
        }
        let mut to = self.to.clone();
        to.push(path.to_owned());
        let moment = Moment { verb: Verb::Rcpt, from, to, raw: Vec::new() };
        let add = |session: &mut Session<'_>| {
            session.to.clone_from(&moment.to);
            true
        };
        self.answer(&moment, "250 2.1.5 To whom is clear.", add).await
    }

    async fn data(&mut self, argument: &str) -> Flow {
        if !argument.is_empty() {
            return self.say("501 5.5.4 DATA stands alone.").await;
        }
        if self.from.is_none() || self.to.is_empty() {
            return self.say("503 5.5.1 MAIL and RCPT come first.").await;
        }
        let mut asked = false;
        let ask = |_: &mut Session<'_>| {
            asked = true;
            true
        };
        let moment = self.moment(Verb::Data);
        let go_on = self.answer(&moment, "354 Go ahead; end with a dot alone on a line.", ask).await?;
        match asked && go_on {
            true => self.content().await,
            false => Ok(go_on),
        }
    }

    async fn content(&mut self) -> Flow {
        // Scripts aside, the first octets are waited for where they are read.
        if self.shared.behaviour.acts_at(Verb::Content) {
            self.stream.fill_buf().await?;
            let moment = self.moment(Verb::Content);
            if let Some(action) = self.shared.behaviour.decide(&moment).await {
                self.refuse(action).await?;
                // What was not read would turn the last words into a reset.
                let mut rest = vec![];
                self.stream.read_to_end(&mut rest).await?;
                return Ok(false);
            }
        }
        let Some(taken) = self.read_content().await? else {
            self.say("421 4.4.2 Nothing was said for too long.").await?;
            return Ok(false);
        };
        self.shared.heard(".");
        let raw = match taken {
            Ok(raw) => raw,
            Err(refusal) => {
                self.reset();
                return self.say(refusal).await;
            }
        };
        let mut moment = self.moment(Verb::Dot);
        moment.raw = raw;
        let action = self.shared.behaviour.decide(&moment).await;
        self.reset();
        let action = match action {
            Some(Action::Late(wait, reply)) => {
                tokio::time::sleep(wait).await;
                Some(Action::Reply(reply))
            }
            other => other,
        };
        let keep = |moment: Moment| {
            let id = self.shared.keep(&moment.from, &moment.to, moment.raw);
            format!("250 2.0.0 Kept as {id}.")
        };
        match action {
            None => {
                let reply = keep(moment);
                self.say(&reply).await
            }
            Some(Action::Hang(wait)) => {
                let reply = keep(moment);
                tokio::time::sleep(wait).await;
                self.say(&reply).await
            }
            Some(Action::KeepAndClose) => {
                keep(moment);
                Ok(false)
            }
            Some(Action::Reply(reply)) if reply.starts_with('2') => {
                keep(moment);
                self.say(&reply).await
            }
            Some(other) => self.refuse(other).await,
        }
    }

    /// Reads up to CRLF.CRLF. `None` when the client fell silent.
    async fn read_content(&mut self) -> io::Result<Option<Result<Vec<u8>, &'static str>>> {
        let mut content = Content::new(self.shared.behaviour.size);
        let mut total = 0_usize;
        loop {
            let read = tokio::time::timeout(self.shared.behaviour.idle, self.stream.fill_buf());
            let Ok(bytes) = read.await else { return Ok(None) };
            let bytes = bytes?;
            let (used, ended) = content.feed(bytes);
            self.stream.consume(used);
            total += used;
            if ended {
                return Ok(Some(content.finish()));
            }
            // Far past the limit nobody is waiting for an answer any more.
            if used == 0 || total > SIZE_MAX * 4 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn moment(&self, verb: Verb) -> Moment {
        let from = self.from.clone().unwrap_or_default();
        Moment { verb, from, to: self.to.clone(), raw: Vec::new() }
    }

    fn reset(&mut self) -> bool {
        self.from = None;
        self.utf8 = false;
        mem::take(&mut self.to);
        true
    }

    pub(super) async fn scripted(&mut self, verb: Verb, reply: &str, done: impl FnOnce(&mut Self) -> bool) -> Flow {
        let moment = self.moment(verb);
        self.answer(&moment, reply, done).await
    }

    /// Answers as scripted, or well and does what the command asks.
    async fn answer(&mut self, moment: &Moment, reply: &str, done: impl FnOnce(&mut Self) -> bool) -> Flow {
        let reply = match self.shared.behaviour.decide(moment).await {
            None => reply.to_owned(),
            Some(Action::Hang(wait)) => {
                tokio::time::sleep(wait).await;
                reply.to_owned()
            }
            Some(Action::Late(wait, scripted)) => {
                tokio::time::sleep(wait).await;
                scripted
            }
            Some(Action::Reply(scripted)) if scripted.as_bytes().first() == reply.as_bytes().first() => scripted,
            Some(other) => return self.refuse(other).await,
        };
        done(self);
        self.say(&reply).await
    }

    async fn refuse(&mut self, action: Action) -> Flow {
        match action {
            Action::Reply(reply) => Ok(self.say(&reply).await? && !reply.starts_with("421")),
            Action::Raw(bytes) => {
                self.stream.get_mut().write_all(&bytes).await?;
                Ok(true)
            }
            Action::Drip(bytes, pause) => {
                for byte in bytes {
                    self.stream.get_mut().write_all(&[byte]).await?;
                    tokio::time::sleep(pause).await;
                }
                Ok(false)
            }
            Action::Reset => {
                self.stream.get_ref().set_zero_linger()?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Action::Close | Action::KeepAndClose | Action::Hang(_) | Action::Late(..) => Ok(false),
        }
    }

    /// Sends a reply; more lines repeat the code with a hyphen. Always goes on.
    pub(super) async fn say(&mut self, reply: &str) -> Flow {
        let (code, text) = reply.split_once(' ').unwrap_or((reply, ""));
        let lines: Vec<&str> = text.split('\n').collect();
        let mut out = String::new();
        for (index, line) in lines.iter().enumerate() {
            let mark = if index + 1 == lines.len() { ' ' } else { '-' };
            out.push_str(&format!("{code}{mark}{line}\r\n"));
        }
        self.stream.get_mut().write_all(out.as_bytes()).await?;
        Ok(true)
    }

    /// A line without its CRLF; `Ok(None)` at the end of the stream; the refusal otherwise.
    pub(super) async fn command_line(&mut self) -> io::Result<Result<Option<String>, &'static str>> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(COMMAND_MAX as u64).read_until(b'\n', &mut line).await?;
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Ok(match (read, line.last()) {
                (COMMAND_MAX, _) => Err("500 5.5.2 This line is too long."),
                (_, Some(b'\n')) => Err("500 5.5.2 A line feed stands alone."),
                _ => Ok(None),
            });
        };
        if text.iter().any(|b| matches!(b, b'\r' | 0)) {
            return Ok(Err("500 5.5.2 A carriage return or NUL stands in a command."));
        }
        Ok(String::from_utf8(text.to_vec()).map(Some).map_err(|_| "500 5.5.2 This is not UTF-8."))
    }
}
