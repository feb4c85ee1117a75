//! How a catcher answers: well by default, or by script.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A point in the dialogue at which a rule or hook can step in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// The greeting.
    Connect,
    /// EHLO or HELO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// AUTH, its first line.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the content.
    Data,
    /// The first octets of the content.
    Content,
    /// The end of the content.
    Dot,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

/// What to do instead of answering well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends this reply, as `450 4.2.0 Later`; several lines by `\n`, then written with hyphens.
    /// A 2xx or 354 that fits goes on as if all were well; with 421 the connection is closed.
    Reply(String),
    /// Sends these bytes as they are and goes on as after a refusal.
    Raw(Vec<u8>),
    /// Closes without a word; at the dot the message is not kept.
    Close,
    /// At the dot: keeps the message, then closes without a word.
    KeepAndClose,
    /// Closes with a reset.
    Reset,
    /// Sends these bytes one by one, with so much time between them.
    Drip(Vec<u8>, Duration),
    /// Waits, then sends this reply.
    Late(Duration, String),
    /// Waits, then answers well. At the dot the message is kept before the wait.
    Hang(Duration),
}

/// When an [`Action`] happens: at a verb, perhaps for one address only, for some of the hits.
#[derive(Debug)]
pub struct Rule {
    verb: Verb,
    address: Option<String>,
    skip: u64,
    times: u64,
    action: Action,
    hits: AtomicU64,
}

impl Rule {
    /// At every such moment.
    pub fn at(verb: Verb, action: Action) -> Self {
        Rule { verb, address: None, skip: 0, times: u64::MAX, action, hits: AtomicU64::new(0) }
    }

    /// Only for this envelope address: the sender at MAIL, the recipient at RCPT, any
    /// recipient at DATA and the dot. Case does not count.
    #[must_use]
    pub fn for_address(mut self, address: &str) -> Self {
        self.address = Some(address.to_lowercase());
        self
    }

    /// Not for the first `n` hits.
    #[must_use]
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// At most `n` times.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.times = n;
        self
    }

    fn applies(&self, moment: &Moment) -> bool {
        if self.verb != moment.verb {
            return false;
        }
        if let Some(address) = &self.address {
            let named = |given: &String| given.to_lowercase() == *address;
            let any = match moment.verb {
                Verb::Mail => named(&moment.from),
                Verb::Rcpt => moment.to.last().is_some_and(named),
                _ => moment.to.iter().any(named),
            };
            if !any {
                return false;
            }
        }
        let hit = self.hits.fetch_add(1, Ordering::SeqCst);
        hit >= self.skip && hit - self.skip < self.times
    }
}

/// What is known when a rule or hook is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Which moment.
    pub verb: Verb,
    /// The envelope sender so far.
    pub from: String,
    /// The recipients so far; at RCPT the one just named is the last.
    pub to: Vec<String>,
    /// At the dot, the content with dots unstuffed; before it empty.
    pub raw: Vec<u8>,
}

type Hook = Arc<dyn Fn(Moment) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A script and a few settings. The first rule that applies acts.
pub struct Behaviour {
    rules: Vec<Rule>,
    hooks: Vec<(Verb, Hook)>,
    withheld: Vec<String>,
    pub(super) credentials: Option<(String, String)>,
    pub(super) starttls: bool,
    pub(super) idle: Duration,
    pub(super) connections: usize,
    pub(super) size: usize,
}

impl Behaviour {
    /// A relay without fault: takes all mail, offers no AUTH and no STARTTLS.
    pub fn new() -> Self {
        Behaviour {
            rules: Vec::new(),
            hooks: Vec::new(),
            withheld: Vec::new(),
            credentials: None,
            starttls: false,
            idle: Duration::from_secs(300),
            connections: 100,
            size: super::SIZE_MAX,
        }
    }

    /// Adds a rule.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Runs `hook` to its end at each such moment *before* anything is answered, kept or
    /// refused. A test races its suppression here.
    #[must_use]
    pub fn before<F, Fut>(mut self, verb: Verb, hook: F) -> Self
    where
        F: Fn(Moment) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.push((verb, Arc::new(move |moment| Box::pin(hook(moment)))));
        self
    }

    /// Does not offer an extension, such as `PIPELINING` or `SMTPUTF8`.
    #[must_use]
    pub fn without(mut self, keyword: &str) -> Self {
        self.withheld.push(keyword.to_ascii_uppercase());
        self
    }

    /// Offers AUTH PLAIN and LOGIN, takes only these, and takes no mail without.
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Offers STARTTLS, and refuses it with 454 when asked: there is no certificate here.
    #[must_use]
    pub fn offer_starttls(mut self) -> Self {
        self.starttls = true;
        self
    }

    /// Hangs up on a client silent for so long.
    #[must_use]
    pub fn idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Serves at most so many connections at once.
    #[must_use]
    pub fn connections(mut self, limit: usize) -> Self {
        self.connections = limit;
        self
    }

    /// Announces and holds another size limit, in octets.
    #[must_use]
    pub fn size(mut self, limit: usize) -> Self {
        self.size = limit;
        self
    }

    pub(super) fn offers(&self, keyword: &str) -> bool {
        !self.withheld.iter().any(|withheld| withheld == keyword)
    }

    /// Whether a rule or hook waits for this moment.
    pub(super) fn acts_at(&self, verb: Verb) -> bool {
        self.rules.iter().any(|rule| rule.verb == verb) || self.hooks.iter().any(|(hooked, _)| *hooked == verb)
    }

    /// Runs the hooks of a moment and says what its first rule wants.
    pub(super) async fn decide(&self, moment: &Moment) -> Option<Action> {
        for (verb, hook) in &self.hooks {
            if *verb == moment.verb {
                hook(moment.clone()).await;
            }
        }
        self.rules.iter().find(|rule| rule.applies(moment)).map(|rule| rule.action.clone())
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour").field("rules", &self.rules).finish_non_exhaustive()
    }
}
