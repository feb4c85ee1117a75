//! What stands behind the domains that mail leaves from: keys to sign with, and looks at DNS.

use std::net::IpAddr;

use crate::app::State;
use crate::clock;
use crate::dns::Dns;
use crate::domain::actor::Actor;
use crate::domain::error::Result;
use crate::domain::ids::MailboxId;
use crate::domain::senders::{self, Look, Published, Relay, Seen};
use crate::email::dkim::KeyRing;

/// Keys, DNS and the relay.
#[derive(Default)]
pub struct Senders {
    /// Private keys.
    pub keys: KeyRing,
    /// Questions to DNS.
    pub dns: Dns,
    /// The host that mail is handed to; none where it goes to a file, a catcher or this machine.
    pub relay: Option<String>,
}

impl Senders {
    async fn seen(&self, domain: &str) -> Seen {
        let mut dkim = vec![];
        for key in self.keys.of(domain).iter() {
            let name = key.record_name();
            dkim.push(Published { found: self.dns.txt(&name).await, record: key.record(), name });
        }
        let mut dmarc = vec![];
        for name in senders::walk(domain) {
            let answer = self.dns.txt(&name).await;
            let ends = answer.as_ref().map_or(true, |texts| texts.iter().any(|text| text.to_ascii_lowercase().starts_with("v=dmarc1")));
            dmarc.push((name, answer));
            if ends {
                break;
            }
        }
        let relay = match &self.relay {
            Some(host) => Some(self.relay_seen(host).await),
            None => None,
        };
        Seen { domain: domain.to_owned(), spf: self.dns.txt(domain).await, dkim, dmarc, relay }
    }

    async fn relay_seen(&self, host: &str) -> Relay {
        let address: Option<IpAddr> = self.dns.addresses(host).await.ok().and_then(|all| all.into_iter().next());
        let Some(at) = address else { return Relay { host: host.to_owned(), address, names: Ok(vec![]), confirmed: false } };
        let names = self.dns.names(at).await;
        let mut confirmed = false;
        for name in names.iter().flatten().take(5) {
            confirmed = confirmed || self.dns.addresses(name).await.is_ok_and(|all| all.contains(&at));
        }
        Relay { host: host.to_owned(), address, names, confirmed }
    }
}

/// Looks at the domain of a mailbox now.
pub async fn look_at(state: &State, actor: &Actor, id: &MailboxId) -> Result<Look> {
    let (by, target) = (actor.clone(), id.clone());
    let mailbox = state.read(move |conn| senders::to_look_at(conn, &by, &target)).await?;
    look(state, actor.clone(), senders::domain_of(&mailbox.address_key)).await
}

async fn look(state: &State, actor: Actor, domain: &str) -> Result<Look> {
    let seen = state.senders.seen(domain).await;
    let enforce = state.senders.relay.is_some();
    state.write(move |conn| senders::keep(conn, &actor, &seen, enforce, clock::now())).await
}

/// Looks at every domain that was not looked at for a day, where mail goes out to the world.
pub async fn look_daily(state: &State) -> Result<()> {
    if state.senders.relay.is_none() {
        return Ok(());
    }
    for domain in state.read(|conn| senders::due(conn, clock::now().plus_days(-1))).await? {
        if !senders::is_reserved(&domain) {
            look(state, Actor::System("worker"), &domain).await?;
        }
    }
    Ok(())
}

/// Looks at every domain now, for `doctor`.
pub async fn look_at_all(state: &State) -> Result<Vec<Look>> {
    let mut looks = vec![];
    for domain in state.read(|conn| senders::due(conn, crate::clock::Time::from_micros(i64::MAX))).await? {
        looks.push(look(state, Actor::System("doctor"), &domain).await?);
    }
    Ok(looks)
}
