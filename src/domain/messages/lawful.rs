//! What the words of a message must say and must not, by law. Pure, but for whether somebody wrote to us before.

use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result};
use crate::domain::ids::ContactId;
use crate::domain::mailboxes::Mailbox;
use crate::domain::policy::consent::Class;
use crate::domain::{settings, threads};

use super::content::Content;
use super::markup;

/// Characters on each side of a link in which the reward must stand.
const NEAR: usize = 300;
/// Words of a reward, or of there being none.
const REWARD: &[&str] = &[
    "reward",
    "credit",
    "discount",
    "bonus",
    "gift",
    "voucher",
    "commission",
    "free month",
    "month free",
    "months free",
    "% off",
    "nothing in return",
];

/// Words of an offer, which a message about what somebody ordered does not carry.
const PROMOTION: &[&str] = &[
    "% off",
    "percent off",
    "discount code",
    "promo code",
    "coupon",
    "voucher code",
    "use code",
    "use the code",
    "special offer",
    "exclusive offer",
    "limited time",
    "limited-time",
    "offer ends",
    "sale ends",
    "buy now",
    "shop now",
    "order now",
    "upgrade now",
    "upgrade today",
    "free trial",
    "free month",
    "month free",
    "months free",
    "save up to",
    "money off",
];

/// Refuses a message whose words say what is not so, or leave out what must be said.
pub(super) fn refuse(conn: &mut Conn, contact: &ContactId, in_thread: bool, asks: bool, class: Class, content: &Content) -> Result<()> {
    if class == Class::Transactional {
        refuse_promotion(conn, content)?;
    }
    // 15 USC 7704(a)(2): a subject must not mislead about what the message is.
    if !in_thread && says_it_answers(&content.subject) && threads::of_contact(conn, &Actor::System("law"), contact)?.is_empty() {
        let detail =
            "The subject says that the message answers or forwards something, and nothing came in from this person. Leave \"Re:\" or \"Fwd:\" out.";
        return Err(Error::invalid("subject_misleading", "subject", detail));
    }
    if asks {
        let link = format!("{}/r/", settings::base_url(conn)?);
        let html = content.html_body.as_deref().map(markup::to_text).unwrap_or_default();
        // 16 CFR 255.5: near the link, and in what each reader sees.
        for (part, text) in [("text_body", content.text_body.as_str()), ("html_body", html.as_str())] {
            if !tells_the_reward(text, &link) {
                let detail = "A referral message must say near the link what the sender receives.";
                return Err(Error::invalid("referral_disclosure_missing", part, detail));
            }
        }
    }
    Ok(())
}

/// 16 CFR 316.3: what also advertises is commercial, whatever it is called.
fn refuse_promotion(conn: &mut Conn, content: &Content) -> Result<()> {
    let link = format!("{}/r/", settings::base_url(conn)?);
    let html = content.html_body.as_deref().map(markup::to_text).unwrap_or_default();
    for (part, text) in [("subject", content.subject.as_str()), ("text_body", content.text_body.as_str()), ("html_body", html.as_str())] {
        if let Some(word) = promotes(text, &link) {
            let detail = format!(
                "A transactional message carries no offer, and this one says \"{word}\". Leave the offer out, or leave class out: then it is commercial."
            );
            return Err(Error::invalid("promotion_in_transactional", part, detail));
        }
    }
    Ok(())
}

/// The first words of an offer in a text.
fn promotes<'a>(text: &str, link: &'a str) -> Option<&'a str> {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().replace(" %", "%");
    PROMOTION.iter().copied().find(|word| plain.contains(word)).or_else(|| text.contains(link).then_some(link))
}

/// Refuses a mailbox whose footer would leave out who sends (15 USC 7704(a)(5)).
pub(super) fn refuse_without_sender(mailbox: &Mailbox) -> Result<()> {
    let missing = match (mailbox.postal_address.trim().is_empty(), mailbox.name.trim().is_empty()) {
        (true, _) => "postal address",
        (_, true) => "sender's name",
        _ => return Ok(()),
    };
    let detail = format!("A commercial message needs a {missing} in both parts, and {} has none. Ask an administrator to set it.", mailbox.address);
    Err(Error::invalid("commercial_footer_missing", "mailbox", detail))
}

fn says_it_answers(subject: &str) -> bool {
    let start: String = subject.trim_start().chars().take(8).collect::<String>().to_lowercase();
    ["re", "fwd", "fw", "aw", "wg"].iter().any(|word| start.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with([':', '：'])))
}

/// Whether every one of our referral links stands near words about the reward. A text without such links says nothing of one.
fn tells_the_reward(text: &str, link: &str) -> bool {
    text.match_indices(link).all(|(at, _)| {
        let before: String = text[..at].chars().rev().take(NEAR).collect::<Vec<_>>().into_iter().rev().collect();
        let after: String = text[at..].chars().take(NEAR).collect();
        let near = format!("{before}{after}").to_lowercase();
        REWARD.iter().any(|word| near.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::{promotes, says_it_answers, tells_the_reward};

    #[test]
    fn a_subject_that_pretends_to_answer_is_known() {
        for subject in ["Re: your order", "RE : x", "  fwd:x", "Fw: x", "AW: Angebot", "re：x"] {
            assert!(says_it_answers(subject), "{subject}");
        }
        for subject in ["Refunds: how they work", "Reply to us", "Forward: our plan", "Award: you won", "Ready", "About Re: x", ""] {
            assert!(!says_it_answers(subject), "{subject}");
        }
    }

    #[test]
    fn an_offer_is_told_from_a_receipt() {
        let link = "https://desk.example.com/r/";
        for text in ["Now 20 % off", "Get 3 MONTHS\nfree", "Enter the promo code", "Tell a friend: https://desk.example.com/r/abc"] {
            assert!(promotes(text, link).is_some(), "{text}");
        }
        for text in ["Your receipt: 20 EUR, a discount of 2 EUR is in it.", "Your trial ends on Monday.", "VAT 20 %. Office hours: 9 to 5.", ""] {
            assert_eq!(promotes(text, link), None, "{text}");
        }
    }

    #[test]
    fn the_reward_stands_near_each_link() {
        let link = "https://desk.example.com/r/";
        let far = "x".repeat(400);
        assert!(tells_the_reward("No link here.", link));
        assert!(tells_the_reward("You both get a month free: https://desk.example.com/r/abc", link));
        assert!(!tells_the_reward("Tell a friend: https://desk.example.com/r/abc", link));
        assert!(!tells_the_reward(&format!("You get a reward. {far} https://desk.example.com/r/abc"), link));
        assert!(!tells_the_reward(&format!("A reward: https://desk.example.com/r/a {far} https://desk.example.com/r/b"), link), "each of them");
    }
}
