//! Delivery reports with fields (RFC 3464), wherever in the mail they stand.

use super::cause::{Cause, Said, code_in, judge, status_in};
use super::fields::{self, Group};
use super::mail::{Mail, line};
use super::notice::{before_original, words_about};
use super::{Action, Recipient};

/// The fields of all reports in a mail: its report parts, or its text where a relay took the parts apart.
pub fn groups(mail: &Mail) -> Vec<Group> {
    let of_parts: Vec<Group> =
        mail.reports.iter().filter(|(kind, _)| kind.ends_with("delivery-status")).flat_map(|(_, text)| fields::groups(text)).collect();
    if !of_parts.is_empty() {
        return of_parts;
    }
    fields::groups(&mail.text).into_iter().filter(names_recipient).collect()
}

fn names_recipient(group: &Group) -> bool {
    group.get("final-recipient").or(group.get("original-recipient")).is_some()
        && group.get("action").or(group.get("status")).or(group.get("diagnostic-code")).is_some()
}

/// What a report says of each recipient. `text` is the text for people beside it.
pub fn recipients(groups: &[Group], text: &str) -> Vec<Recipient> {
    // A rule that the recipient made at Amazon SES chooses among ready answers, after the mail was taken.
    let by_rule =
        groups.iter().filter_map(|group| group.get("reporting-mta")).any(|mta| mta.contains("inbound-smtp.") && mta.ends_with("amazonaws.com"));
    let mut all: Vec<Recipient> = groups.iter().filter(|group| names_recipient(group)).map(|group| recipient(group, text)).collect();
    for one in all.iter_mut().filter(|one| by_rule && one.hard) {
        (one.hard, one.cause) = (false, Cause::Filtered);
    }
    all
}

fn recipient(group: &Group, text: &str) -> Recipient {
    let named = |field| group.get(field).and_then(fields::address);
    let words = words_about(text, named("final-recipient").as_deref());
    let all_words = before_original(text).join("\n");
    let answer = group.all("diagnostic-code").collect::<Vec<_>>().join(" ");
    let answer = answer.split_once(';').filter(|(kind, _)| !kind.contains(' ')).map_or(answer.as_str(), |(_, rest)| rest).trim();
    let given = group.get("status").unwrap_or("");
    let status = status_in(given);
    let mut cause = judge(&Said { text: answer, status: status.as_deref(), around: &all_words });
    // Many reports hold the answer only in the words for people, or a code that says nothing.
    if matches!(cause, Cause::Unclear | Cause::System | Cause::Policy) && !words.is_empty() {
        // The code of the answer says more than the one that the relay chose for it.
        let own = status_in(answer).filter(|own| !own.ends_with(".0.0")).or_else(|| status.clone());
        let said = |text| judge(&Said { text, status: own.as_deref(), around: &all_words });
        let (near, whole) = (said(&words), said(&all_words));
        // Words that also speak of something else do not condemn an address.
        cause = match near {
            Cause::Unclear => cause,
            near if near.is_hard() && !whole.is_hard() => whole,
            near => near,
        };
    }
    // "It does not exist" without a code, and without a word whose answer it is, condemns no address.
    let typed = group.get("diagnostic-code").is_some_and(|given| given.split_once(';').is_some_and(|(kind, _)| !kind.trim().contains(' ')));
    let unattributed = !answer.is_empty() && !typed && code_in(answer).is_none() && status.as_deref().is_none_or(|status| status.ends_with(".0.0"));
    if cause.is_hard() && unattributed && status_in(answer).is_none() {
        cause = Cause::Filtered;
    }
    let own = status_in(answer).filter(|own| !own.ends_with(".0.0"));
    let status = own.or(status);
    let action = match group.get("action").map(|action| action.split_whitespace().next().unwrap_or("").to_ascii_lowercase()).as_deref() {
        Some("delayed") => Action::Delayed,
        Some("delivered" | "relayed" | "expanded") => Action::Delivered,
        Some("failed" | "failure") => Action::Failed,
        _ if status.as_deref().is_some_and(|status| status.starts_with('2')) => Action::Delivered,
        _ => Action::Failed,
    };
    let said = if answer.is_empty() { given } else { answer };
    Recipient {
        address: named("original-recipient").or_else(|| named("final-recipient")).unwrap_or_default(),
        finally: named("final-recipient"),
        status,
        action,
        hard: action == Action::Failed && cause.is_hard(),
        cause,
        said: line(said, 500),
    }
}
