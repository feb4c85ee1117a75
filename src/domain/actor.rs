//! Who acts: a person, a key, or the product itself.

use crate::domain::error::{Error, Result};
use crate::domain::ids::{ApiKeyId, MailboxId, UserId};
use crate::text_enum;

text_enum!(
    /// What a person is here for.
    pub enum Role {
        /// Everything but deciding their own messages.
        Admin => "admin",
        /// Campaigns, updates, offers, reports.
        Manager => "manager",
        /// The queue of their mailboxes.
        Reviewer => "reviewer",
    }
);

text_enum!(
    /// What a key may do.
    pub enum Scope {
        /// Look at contacts, mail and churn.
        Read => "read",
        /// Compose and submit.
        Draft => "draft",
        /// Create and tag contacts.
        Contacts => "contacts",
        /// See what waits for a decision.
        OversightRead => "oversight_read",
        /// Decide.
        Oversight => "oversight",
        /// Mailboxes and settings.
        Admin => "admin",
    }
);

impl Scope {
    /// What it lets a key do, for people who choose.
    pub fn about(self) -> &'static str {
        match self {
            Scope::Read => "Look at contacts, mail, facts, churn and reports.",
            Scope::Draft => "Write messages and submit them. What the mailbox holds waits for a person.",
            Scope::Contacts => "Add, tag, change, suppress and erase contacts.",
            Scope::OversightRead => "See what waits for a decision.",
            Scope::Oversight => "Approve and reject what others wrote, where the mailbox lets keys decide.",
            Scope::Admin => "Mailboxes and settings.",
        }
    }
}

/// Which mailboxes an actor reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailboxes {
    /// All of them.
    All,
    /// These alone.
    These(Vec<MailboxId>),
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// Their id.
        id: UserId,
        /// Their name, as the audit log shows it.
        name: String,
        /// Their role.
        role: Role,
        /// The mailboxes they belong to.
        mailboxes: Mailboxes,
    },
    /// A key.
    Key {
        /// Its id.
        id: ApiKeyId,
        /// Its name.
        name: String,
        /// What it may do.
        scopes: Vec<Scope>,
        /// Where.
        mailboxes: Mailboxes,
        /// Its mail is recorded and never sent.
        is_test: bool,
    },
    /// The product: worker, webhook intake, command line.
    System(&'static str),
}

impl Actor {
    /// Whoever runs commands on the machine itself.
    pub const OPERATOR: Actor = Actor::System("command line");

    /// "user", "key" or "system".
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::User { .. } => "user",
            Actor::Key { .. } => "key",
            Actor::System(_) => "system",
        }
    }

    /// The id that goes with the kind.
    pub fn id(&self) -> &str {
        match self {
            Actor::User { id, .. } => id.as_str(),
            Actor::Key { id, .. } => id.as_str(),
            Actor::System(name) => name,
        }
    }

    /// A name for people.
    pub fn name(&self) -> &str {
        match self {
            Actor::User { name, .. } | Actor::Key { name, .. } => name,
            Actor::System(name) => name,
        }
    }

    /// Whether this is the actor so recorded.
    pub fn is(&self, kind: &str, id: &str) -> bool {
        self.kind() == kind && self.id() == id
    }

    /// The mailboxes it reaches.
    pub fn mailboxes(&self) -> &Mailboxes {
        match self {
            Actor::User { mailboxes, .. } | Actor::Key { mailboxes, .. } => mailboxes,
            Actor::System(_) => &Mailboxes::All,
        }
    }

    /// Whether it reaches this mailbox.
    pub fn reaches(&self, mailbox: &MailboxId) -> bool {
        match self.mailboxes() {
            Mailboxes::All => true,
            Mailboxes::These(ids) => ids.contains(mailbox),
        }
    }

    /// Whether it is an administrator: a person with the role, a key with the scope, or the command line.
    pub fn is_admin(&self) -> bool {
        match self {
            Actor::User { role, .. } => *role == Role::Admin,
            Actor::Key { scopes, .. } => scopes.contains(&Scope::Admin),
            Actor::System(_) => true,
        }
    }

    /// Whether tests of the desk are shown to it among the messages that wait: to whoever decides
    /// or watches over decisions, and to no agent that only writes.
    pub fn meets_tests(&self) -> bool {
        match self {
            Actor::User { .. } | Actor::System(_) => true,
            Actor::Key { scopes, .. } => scopes.contains(&Scope::OversightRead) || scopes.contains(&Scope::Oversight),
        }
    }

    /// Refuses everyone but administrators.
    pub fn must_be_admin(&self) -> Result<()> {
        match self {
            Actor::Key { .. } => self.must_have(Scope::Admin),
            _ if self.is_admin() => Ok(()),
            _ => Err(Error::forbidden("role_missing", "Only an administrator may do this. Ask one of yours.")),
        }
    }

    /// Refuses everyone but administrators, and keys in any case: whoever holds a key that makes keys or
    /// people, or that loosens, would have what they make.
    pub fn must_be_admin_in_person(&self) -> Result<()> {
        self.must_be_admin()?;
        match self {
            Actor::Key { .. } => Err(Error::forbidden("person_required", "A key may not do this, whatever its scopes. Ask an administrator.")),
            _ => Ok(()),
        }
    }

    /// Refuses everyone but managers and administrators.
    pub fn must_manage(&self) -> Result<()> {
        match self {
            Actor::User { role: Role::Admin | Role::Manager, .. } | Actor::System(_) => Ok(()),
            Actor::Key { .. } => self.must_have(Scope::Admin),
            _ => Err(Error::forbidden("role_missing", "Only a manager or an administrator may do this. Ask one of yours.")),
        }
    }

    /// The same, where keys come in by a scope instead.
    pub fn must_manage_or_have(&self, scope: Scope) -> Result<()> {
        match self {
            Actor::Key { .. } => self.must_have(scope),
            _ => self.must_manage(),
        }
    }

    /// Refuses a key that has none of the scopes, where any are named; the error names the last.
    pub fn must_have_one_of(&self, scopes: &[Scope]) -> Result<()> {
        let mut refused = Ok(());
        for scope in scopes {
            refused = self.must_have(*scope);
            if refused.is_ok() {
                break;
            }
        }
        refused
    }

    /// Refuses a key without the scope; people and the product itself pass.
    pub fn must_have(&self, scope: Scope) -> Result<()> {
        match self {
            Actor::Key { scopes, .. } if !scopes.contains(&scope) => {
                Err(Error::forbidden("scope_missing", format!("This key lacks the scope \"{scope}\". Ask an administrator for a key that has it.")))
            }
            _ => Ok(()),
        }
    }
}
