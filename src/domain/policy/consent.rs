//! On which ground somebody may get commercial mail, by class and by the law of where they are. Pure.
//!
//! Sources: ePrivacy directive 2002/58/EC art. 13(1) and (2); CASL s. 10 and 11; CAN-SPAM 15 USC 7704. A rule of this
//! product, not legal advice.

use crate::clock::Time;
use crate::domain::contacts::ConsentBasis;
use crate::domain::contacts::consents::Jurisdiction::{self, Ca, Ch, Eu, Other, Uk, Us, UsCa};
use crate::text_enum;

use super::rules::{GroundRule, Rules};

text_enum!(
    /// What a message is for.
    pub enum Class {
        /// It advertises, wins back, announces: everything that is not one of the others.
        Commercial => "commercial",
        /// It is about something the recipient ordered: a receipt, a change of their contract.
        Transactional => "transactional",
        /// It answers what the recipient wrote.
        Relationship => "relationship",
    }
);

/// A ground on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ground {
    /// Which.
    pub basis: ConsentBasis,
    /// Since when.
    pub at: Time,
}

/// What is on record that mail to somebody could rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Their country, two letters.
    pub country: Option<String>,
    /// The grounds.
    pub grounds: Vec<Ground>,
    /// They were asked to confirm that they want mail, and did not so far.
    pub asked: bool,
}

impl Held {
    /// Whether nothing but the message that asks may go to them.
    pub fn is_asked(&self) -> bool {
        self.asked && self.grounds.is_empty()
    }
}

/// What the grounds allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// They allow it.
    Yes,
    /// None is on record, or none that holds: a person records one or rejects the message.
    Hold(&'static str),
    /// It ended, and no approval brings it back.
    No(&'static str),
}

/// The words where nothing is on record.
pub const NONE_ON_RECORD: &str = crate::domain::messages::oversight::NO_GROUND;
const ENDED_IN_CANADA: &str = "The implied consent on record has ended: in Canada two years after a purchase, six months after an inquiry.";
const LAPSED: &str = "The consent on record has lapsed; record a new one or reject the message.";
const NOT_CONFIRMED: &str = "They were asked to confirm that they want mail and have not yet; record a ground or reject the message.";
const NOT_ENOUGH: &str = "In Europe commercial mail needs consent or an own customer's soft opt-in; what is on record is neither.";

/// Whether commercial mail to somebody rests on something.
pub fn look(class: Class, held: &Held, reviewed: bool, rules: &Rules, now: Time) -> Allowed {
    if class != Class::Commercial {
        return Allowed::Yes;
    }
    if held.is_asked() {
        return Allowed::Hold(NOT_CONFIRMED);
    }
    let (grounds, jurisdiction) = (&held.grounds, Jurisdiction::of(held.country.as_deref()));
    if grounds.is_empty() {
        let opt_out = match jurisdiction {
            Some(Us | UsCa) => true,
            Some(Other) | None => rules.ground == GroundRule::Reviewed,
            Some(Eu | Uk | Ch | Ca) => false,
        };
        return if opt_out && reviewed { Allowed::Yes } else { Allowed::Hold(NONE_ON_RECORD) };
    }
    match jurisdiction {
        Some(Us | UsCa | Other) | None => Allowed::Yes,
        Some(Ca) => {
            let holds = |ground: &Ground| match ground.basis {
                ConsentBasis::Consent => true,
                ConsentBasis::SoftOptIn | ConsentBasis::Contract => now < months_after(ground.at, 24),
                ConsentBasis::LegitimateInterest => now < months_after(ground.at, 6),
            };
            if grounds.iter().any(holds) { Allowed::Yes } else { Allowed::No(ENDED_IN_CANADA) }
        }
        Some(Eu | Uk | Ch) => {
            let fits = |ground: &&Ground| matches!(ground.basis, ConsentBasis::Consent | ConsentBasis::SoftOptIn);
            match grounds.iter().filter(fits).map(|ground| ground.at).max() {
                None => Allowed::Hold(NOT_ENOUGH),
                Some(at) if now >= months_after(at, rules.lapse_months) => Allowed::Hold(LAPSED),
                Some(_) => Allowed::Yes,
            }
        }
    }
}

/// Midnight UTC after the last day of a period of so many months.
fn months_after(at: Time, months: u32) -> Time {
    use jiff::ToSpan as _;
    let end = at.date().checked_add(i64::from(months).months()).and_then(|day| day.tomorrow());
    end.map_or(Time::from_micros(i64::MAX), Time::from_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L-11, L-19, L-22: by class, country, ground, age and whether a person looked.
    #[test]
    fn the_ground_depends_on_class_and_country() {
        use ConsentBasis::{Consent, Contract, LegitimateInterest, SoftOptIn};
        let now = Time::parse("2026-11-21T12:00:00Z").unwrap();
        let usual = Rules::default();
        let opt_out = Rules { ground: GroundRule::Reviewed, ..Rules::default() };
        let on = |basis, day: &str| vec![Ground { basis, at: Time::parse(day).unwrap() }];
        type Row<'a> = (Class, Option<&'a str>, Vec<Ground>, bool, &'a Rules, Allowed);
        let cases: Vec<Row<'_>> = vec![
            (Class::Commercial, None, vec![], true, &usual, Allowed::Hold(NONE_ON_RECORD)),
            (Class::Commercial, None, vec![], true, &opt_out, Allowed::Yes),
            (Class::Commercial, None, vec![], false, &opt_out, Allowed::Hold(NONE_ON_RECORD)),
            (Class::Commercial, Some("us"), vec![], true, &usual, Allowed::Yes),
            (Class::Commercial, Some("US"), vec![], false, &usual, Allowed::Hold(NONE_ON_RECORD)),
            (Class::Commercial, Some("DE"), vec![], true, &opt_out, Allowed::Hold(NONE_ON_RECORD)),
            (Class::Transactional, Some("DE"), vec![], false, &usual, Allowed::Yes),
            (Class::Relationship, Some("CA"), vec![], false, &usual, Allowed::Yes),
            (Class::Commercial, None, on(LegitimateInterest, "2010-01-01"), false, &usual, Allowed::Yes),
            (Class::Commercial, Some("FR"), on(LegitimateInterest, "2026-11-01"), true, &usual, Allowed::Hold(NOT_ENOUGH)),
            (Class::Commercial, Some("gb"), on(Contract, "2026-11-01"), true, &usual, Allowed::Hold(NOT_ENOUGH)),
            (Class::Commercial, Some("CH"), vec![], true, &opt_out, Allowed::Hold(NONE_ON_RECORD)),
            (Class::Commercial, Some("BR"), vec![], true, &opt_out, Allowed::Yes),
            (Class::Commercial, Some("FR"), on(Consent, "2024-11-21"), false, &usual, Allowed::Yes),
            (Class::Commercial, Some("FR"), on(Consent, "2024-11-20"), false, &usual, Allowed::Hold(LAPSED)),
            (Class::Commercial, Some("FR"), on(SoftOptIn, "2026-01-01"), false, &usual, Allowed::Yes),
            (Class::Commercial, Some("CA"), on(Consent, "2001-01-01"), false, &usual, Allowed::Yes),
            (Class::Commercial, Some("CA"), on(SoftOptIn, "2024-11-21"), false, &usual, Allowed::Yes),
            (Class::Commercial, Some("CA"), on(Contract, "2024-11-20"), true, &usual, Allowed::No(ENDED_IN_CANADA)),
            (Class::Commercial, Some("CA"), on(LegitimateInterest, "2026-05-21"), false, &usual, Allowed::Yes),
            (Class::Commercial, Some("CA"), on(LegitimateInterest, "2026-05-20"), true, &usual, Allowed::No(ENDED_IN_CANADA)),
        ];
        for (class, country, grounds, reviewed, rules, expected) in cases {
            let mut held = Held { country: country.map(str::to_owned), grounds, asked: false };
            assert_eq!(look(class, &held, reviewed, rules, now), expected, "{class} {held:?} {reviewed}");
            // Whoever is asked to confirm gets nothing commercial meanwhile, wherever they live.
            held.asked = true;
            let meanwhile = if class == Class::Commercial && held.grounds.is_empty() { Allowed::Hold(NOT_CONFIRMED) } else { expected };
            assert_eq!(look(class, &held, reviewed, rules, now), meanwhile, "{class} {held:?} {reviewed}");
        }
    }
}
