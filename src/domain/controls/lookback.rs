//! What a rule would have held of what was handed in lately, before somebody makes it.

use std::collections::HashMap;

use crate::clock::Time;
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::campaigns;
use crate::domain::claims::{self, Amount};
use crate::domain::contacts::{self, Contact};
use crate::domain::error::Result;
use crate::domain::ids::{ContactId, MessageId};
use crate::domain::messages;

use super::holding::{self, Case, Known, Rule, Terms};
use super::queries::{self, Past};

/// Days looked back.
pub const DAYS: i64 = 30;
/// Messages looked at, the latest ones.
pub const MOST: usize = 2000;
/// Messages looked at together.
const PAGE: usize = 200;

/// What a rule would have held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookBack {
    /// What it holds, in words.
    pub rule: String,
    /// Messages that were looked at.
    pub looked_at: usize,
    /// Whether there were more, earlier in these days.
    pub more: bool,
    /// Those that it would have held.
    pub held: usize,
    /// Those of them that went without a person's review.
    pub unreviewed: usize,
}

impl LookBack {
    /// What would have happened, in a sentence, and what was left out.
    pub fn in_words(&self) -> String {
        let of = match self.looked_at {
            1 => "1 message".to_owned(),
            number => format!("{number} messages"),
        };
        let mut told = match self.looked_at {
            0 => format!("Nothing was handed in over the last {DAYS} days, so nobody knows what this would hold."),
            _ if self.held == 0 => format!("Over the last {DAYS} days this would have held none of {of}."),
            _ => format!(
                "Over the last {DAYS} days this would have held {} of {of}; of these, {} went without a person's review.",
                self.held, self.unreviewed
            ),
        };
        if self.more {
            told.push_str(&format!(" Looked at were the latest {MOST}."));
        }
        told
    }
}

/// What a rule with these terms would have held. Tags, segments and revenue of recipients are looked at as they are now: what
/// they were is not kept. Nothing changes by it.
pub fn look_back(conn: &mut Conn, actor: &Actor, terms: &Terms, now: Time) -> Result<LookBack> {
    let named = Terms { name: "Looked back".to_owned(), ..terms.clone() };
    let rule = holding::resolved(conn, actor, &named, now)?;
    let mut found = LookBack { rule: holding::in_words(conn, &rule)?, ..LookBack::default() };
    let since = now.plus_days(-DAYS);
    let mut look = Look { rule, now, kinds: HashMap::new(), in_segment: HashMap::new() };
    let mut after: Option<(Time, MessageId)> = None;
    loop {
        let page = queries::past(conn, look.rule.mailbox_id.as_ref(), since, after.as_ref(), PAGE)?;
        let full = page.len() == PAGE;
        after = page.last().map(|last| (last.submitted_at, last.id.clone()));
        found.looked_at += page.len();
        for unreviewed in look.held(conn, &page)? {
            found.held += 1;
            found.unreviewed += usize::from(unreviewed);
        }
        if !full {
            return Ok(found);
        }
        if found.looked_at >= MOST {
            found.more = !queries::past(conn, look.rule.mailbox_id.as_ref(), since, after.as_ref(), 1)?.is_empty();
            return Ok(found);
        }
    }
}

/// A rule that is held against one page of messages after the other, and what was found out on the way.
struct Look {
    rule: Rule,
    now: Time,
    /// What campaigns are for, by label.
    kinds: HashMap<String, Option<campaigns::Kind>>,
    /// Whether somebody is in the segment of the rule.
    in_segment: HashMap<ContactId, bool>,
}

impl Look {
    /// For each message of a page that the rule holds, whether it went without a person's review.
    fn held(&mut self, conn: &mut Conn, page: &[Past]) -> Result<Vec<bool>> {
        let ids: Vec<MessageId> = page.iter().map(|past| past.id.clone()).collect();
        let mut tags: HashMap<MessageId, Vec<String>> = HashMap::new();
        for (id, tag) in messages::queries::tags_of(conn, &ids)? {
            tags.entry(id).or_default().push(tag);
        }
        let mut whom: Vec<ContactId> = page.iter().map(|past| past.contact_id.clone()).collect();
        whom.sort_unstable();
        whom.dedup();
        let contacts: HashMap<ContactId, Contact> = contacts::of_ids(conn, &whom)?.into_iter().map(|one| (one.row.id.clone(), one)).collect();
        let mut held = vec![];
        for past in page {
            let Some(contact) = contacts.get(&past.contact_id) else { continue };
            if self.holds(conn, past, contact, tags.get(&past.id).map_or(&[][..], Vec::as_slice))? {
                held.push(past.unreviewed);
            }
        }
        Ok(held)
    }

    /// What is at hand is asked first: claims, revenue and segment are a statement each.
    fn holds(&mut self, conn: &mut Conn, past: &Past, contact: &Contact, tags: &[String]) -> Result<bool> {
        let kind = match &past.campaign {
            Some(label) if !self.kinds.contains_key(label) => {
                let kind = campaigns::kind_of(conn, label)?;
                self.kinds.insert(label.clone(), kind);
                kind
            }
            Some(label) => self.kinds.get(label).copied().flatten(),
            None => None,
        };
        let case = Case { mailbox: &past.mailbox_id, contact: &contact.row, campaign: past.campaign.as_deref(), tags, amounts: &[] };
        let mut known = Known::at_hand(case, kind, &contact.tags);
        if !known.is_of(&self.rule) {
            return Ok(false);
        }
        let amounts = match self.rule.amount_over {
            Some(_) => self.amounts(conn, past)?,
            None => vec![],
        };
        known.case.amounts = &amounts;
        if self.rule.revenue_over.is_some() {
            known.revenue = holding::revenue(conn, &past.contact_id)?;
        }
        if !known.exceeds(&self.rule) {
            return Ok(false);
        }
        if let Some(is) = self.in_segment.get(&past.contact_id) {
            return Ok(*is);
        }
        let is = known.is_in_segment(conn, &self.rule, self.now)?;
        self.in_segment.insert(past.contact_id.clone(), is);
        Ok(is)
    }

    fn amounts(&self, conn: &mut Conn, past: &Past) -> Result<Vec<Amount>> {
        let found = messages::queries::claims(conn, &past.id, past.version)?;
        Ok(found.iter().filter_map(|claim| claims::amount_of(claim.kind, &claim.words)).collect())
    }
}
