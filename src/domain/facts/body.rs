//! What a fact says, by kind, and the checks on its way in.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::contacts::UsageFigure;
use crate::domain::error::{Error, Result};
use crate::domain::ids::sha256_hex;
use crate::domain::money::{Money, is_currency};
use crate::domain::reason::Reason;
use crate::domain::text;
use crate::text_enum;

text_enum!(
    /// What kind of row a claim rests on.
    pub enum Kind {
        /// A changelog entry.
        ProductUpdate => "product_update",
        /// A typed promise.
        Offer => "offer",
        /// A plan with its price.
        PlanPrice => "plan_price",
        /// A field of a contact or their subscription.
        ContactField => "contact_field",
        /// A figure of use.
        UsageFigure => "usage_figure",
        /// Words of the customer.
        TicketQuote => "ticket_quote",
        /// A change of an interface, with its deadline.
        MigrationChange => "migration_change",
        /// A link that may stand in mail.
        AllowedUrl => "allowed_url",
        /// A fact about the company.
        CompanyFact => "company_fact",
        /// What another customer said.
        CustomerStory => "customer_story",
    }
);

impl Kind {
    /// The kinds that a person enters; the others come from contacts and their mail.
    pub const ENTERED: [Kind; 7] =
        [Kind::ProductUpdate, Kind::Offer, Kind::PlanPrice, Kind::CompanyFact, Kind::AllowedUrl, Kind::MigrationChange, Kind::CustomerStory];

    /// The word on a page for several.
    pub fn plural(self) -> String {
        match self {
            Kind::CustomerStory => "Customer stories".to_owned(),
            kind => format!("{}s", kind.label()),
        }
    }

    /// The word on a page.
    pub fn label(self) -> &'static str {
        match self {
            Kind::ProductUpdate => "Product update",
            Kind::Offer => "Offer",
            Kind::PlanPrice => "Plan price",
            Kind::ContactField => "Customer record",
            Kind::UsageFigure => "Usage figure",
            Kind::TicketQuote => "Their words",
            Kind::MigrationChange => "Migration change",
            Kind::AllowedUrl => "Allowed link",
            Kind::CompanyFact => "Company fact",
            Kind::CustomerStory => "Customer story",
        }
    }
}

/// A changelog entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductUpdate {
    /// What shipped, in a few words.
    pub title: String,
    /// What it does, in a sentence or two.
    pub summary: String,
    /// The features it adds or mends.
    #[serde(default)]
    pub features: Vec<String>,
    /// Words that customers use for it.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// The day it shipped.
    pub shipped_on: Date,
    /// Where to read more.
    #[serde(default, alias = "link")]
    pub url: Option<String>,
}

/// A typed promise: percent or amount, never both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Its name here.
    pub name: String,
    /// The coupon code.
    pub code: String,
    /// Percent off, 1 to 100.
    #[serde(default)]
    pub percent: Option<u8>,
    /// Amount off.
    #[serde(default)]
    pub amount: Option<Money>,
    /// For how many months, 1 to 60; none for as long as they stay.
    #[serde(default)]
    pub months: Option<u8>,
    /// The most that one customer saves.
    #[serde(default)]
    pub cap: Option<Money>,
    /// The most that is given away in all; once promised, the offer is closed.
    #[serde(default)]
    pub budget: Option<Money>,
    /// The last day it can be redeemed.
    #[serde(default, alias = "expires_at", alias = "expiry")]
    pub expires_on: Option<Date>,
    /// For which reasons; empty for all.
    #[serde(default, alias = "reasons")]
    pub eligible_reasons: Vec<Reason>,
    /// Whether it may stand beside another offer in one message.
    #[serde(default, alias = "stacking")]
    pub stackable: bool,
}

impl Offer {
    /// Whether it can be promised today to somebody who left for this reason.
    pub fn is_open(&self, reason: Reason, today: Date) -> bool {
        self.expires_on.is_none_or(|day| day >= today) && self.is_for(reason)
    }

    /// Whether it is meant for this reason.
    pub fn is_for(&self, reason: Reason) -> bool {
        self.eligible_reasons.is_empty() || self.eligible_reasons.contains(&reason)
    }

    /// " for 3 months", or nothing where it has no end.
    pub fn term(&self) -> String {
        match self.months {
            None => String::new(),
            Some(1) => " for 1 month".to_owned(),
            Some(months) => format!(" for {months} months"),
        }
    }

    /// "30% off" or "$5 off".
    pub fn saving(&self) -> String {
        match (&self.percent, &self.amount) {
            (Some(percent), _) => format!("{percent}% off"),
            (None, Some(amount)) => format!("{amount} off"),
            (None, None) => "nothing off".to_owned(),
        }
    }
}

/// A plan with its monthly price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanPrice {
    /// The plan's name.
    pub name: String,
    /// Price a month.
    pub price: Money,
    /// What it includes.
    #[serde(default)]
    pub features: Vec<String>,
}

/// A field of a contact, its subscription or its departure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactField {
    /// The field, such as `tenure_days` or `metadata.seats`.
    pub field: String,
    /// What it holds.
    pub value: FieldValue,
}

/// What a field can hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// Words.
    Text(String),
    /// Several words or names.
    List(Vec<String>),
    /// A number.
    Number(i64),
    /// A number of days.
    Days(i64),
    /// A day.
    Day(Date),
    /// An amount.
    Money(Money),
}

impl std::fmt::Display for FieldValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FieldValue::Text(text) => f.write_str(text),
            FieldValue::List(items) => f.write_str(&items.join(", ")),
            FieldValue::Number(number) => write!(f, "{number}"),
            FieldValue::Days(days) => write!(f, "{days} days"),
            FieldValue::Day(day) => write!(f, "{day}"),
            FieldValue::Money(money) => write!(f, "{money}"),
        }
    }
}

/// Words of the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketQuote {
    /// The words.
    pub text: String,
    /// When they said it.
    pub said_on: Option<Date>,
}

/// A change of an interface.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationChange {
    /// What changes, in a few words.
    pub title: String,
    /// The endpoint it is about.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The header it is about.
    #[serde(default)]
    pub header: Option<String>,
    /// The field it is about.
    #[serde(default)]
    pub field: Option<String>,
    /// As it was.
    #[serde(default)]
    pub old: Option<String>,
    /// As it will be.
    #[serde(default)]
    pub new: Option<String>,
    /// The day the old one stops.
    #[serde(default)]
    pub deadline: Option<Date>,
    /// Where to read more.
    #[serde(default, alias = "link")]
    pub url: Option<String>,
}

/// A link that may stand in mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedUrl {
    /// The address; a star at the end allows everything below it.
    pub url: String,
    /// What it is for.
    #[serde(default)]
    pub note: Option<String>,
}

/// A fact about the company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanyFact {
    /// Its name, such as `team_size`.
    pub name: String,
    /// What is so.
    pub value: String,
}

/// What another customer said and may be quoted with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerStory {
    /// Who, described without a name.
    pub who: String,
    /// Their words.
    pub quote: String,
    /// What came of it.
    #[serde(default)]
    pub outcome: Option<String>,
    /// Their plan.
    #[serde(default)]
    pub plan: Option<String>,
    /// The reason for leaving it speaks to.
    #[serde(default)]
    pub reason: Option<Reason>,
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A changelog entry.
    ProductUpdate(ProductUpdate),
    /// A typed promise.
    Offer(Offer),
    /// A plan with its price.
    PlanPrice(PlanPrice),
    /// A field of a contact.
    ContactField(ContactField),
    /// A figure of use.
    UsageFigure(UsageFigure),
    /// Words of the customer.
    TicketQuote(TicketQuote),
    /// A change of an interface.
    MigrationChange(MigrationChange),
    /// A link that may stand in mail.
    AllowedUrl(AllowedUrl),
    /// A fact about the company.
    CompanyFact(CompanyFact),
    /// What another customer said.
    CustomerStory(CustomerStory),
}

/// What stands in place of a fact about a person who was erased, for each kind that can be about one.
pub const BLANK_BODIES: &[(Kind, &str)] = &[
    (Kind::ContactField, r#"{"kind":"contact_field","field":"erased","value":{"text":""}}"#),
    (Kind::UsageFigure, r#"{"kind":"usage_figure","label":"","value":0}"#),
    (Kind::TicketQuote, r#"{"kind":"ticket_quote","text":"","said_on":null}"#),
];

impl Body {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Body::ProductUpdate(_) => Kind::ProductUpdate,
            Body::Offer(_) => Kind::Offer,
            Body::PlanPrice(_) => Kind::PlanPrice,
            Body::ContactField(_) => Kind::ContactField,
            Body::UsageFigure(_) => Kind::UsageFigure,
            Body::TicketQuote(_) => Kind::TicketQuote,
            Body::MigrationChange(_) => Kind::MigrationChange,
            Body::AllowedUrl(_) => Kind::AllowedUrl,
            Body::CompanyFact(_) => Kind::CompanyFact,
            Body::CustomerStory(_) => Kind::CustomerStory,
        }
    }

    /// SHA-256 over the body as JSON, fields in the order of the type.
    pub fn hash(&self) -> String {
        sha256_hex(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// What makes it the same fact as one entered before, among those of its kind.
    /// Facts of one contact get the contact's id in front of it.
    pub fn key(&self) -> String {
        let joined = |parts: [&Option<String>; 3]| parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        match self {
            Body::ProductUpdate(update) => update.title.to_lowercase(),
            Body::Offer(offer) => offer.code.clone(),
            Body::PlanPrice(plan) => plan.name.to_lowercase(),
            Body::ContactField(field) => field.field.clone(),
            Body::UsageFigure(figure) => figure.label.to_lowercase(),
            Body::TicketQuote(quote) => sha256_hex(quote.text.as_bytes()),
            Body::MigrationChange(change) => {
                format!("{} {}", change.title, joined([&change.endpoint, &change.header, &change.field])).trim().to_lowercase()
            }
            Body::AllowedUrl(link) => link.url.clone(),
            Body::CompanyFact(fact) => fact.name.clone(),
            Body::CustomerStory(story) => sha256_hex(story.quote.as_bytes()),
        }
    }

    /// The fact in words, for a card or a list.
    pub fn label(&self) -> String {
        match self {
            Body::ProductUpdate(update) => format!("{}, shipped {}", update.title, update.shipped_on),
            Body::Offer(offer) => {
                let months = offer.term();
                let until = offer.expires_on.map_or_else(String::new, |day| format!(", until {day}"));
                format!("{}: {}{months}{until}", offer.code, offer.saving())
            }
            Body::PlanPrice(plan) => format!("{}: {} a month", plan.name, plan.price),
            Body::ContactField(field) => format!("{}: {}", field.field.trim_start_matches("metadata.").replace('_', " "), field.value),
            Body::UsageFigure(figure) => format!("{}: {}", figure.label, figure.value),
            Body::TicketQuote(quote) => format!("“{}”", quote.text.chars().take(160).collect::<String>()),
            Body::MigrationChange(change) => {
                let step = match (&change.old, &change.new) {
                    (Some(old), Some(new)) => format!(": {old} → {new}"),
                    (Some(old), None) => format!(": {old} goes"),
                    (None, Some(new)) => format!(": {new} comes"),
                    (None, None) => String::new(),
                };
                format!("{}{step}{}", change.title, change.deadline.map_or_else(String::new, |day| format!(", by {day}")))
            }
            Body::AllowedUrl(link) => link.url.clone(),
            Body::CompanyFact(fact) => format!("{}: {}", fact.name.replace('_', " "), fact.value),
            Body::CustomerStory(story) => format!("{}: “{}”", story.who, story.quote),
        }
    }

    /// The day it is ordered by: when it shipped, ends or was said.
    pub fn day(&self) -> Option<Date> {
        match self {
            Body::ProductUpdate(update) => Some(update.shipped_on),
            Body::Offer(offer) => offer.expires_on,
            Body::MigrationChange(change) => change.deadline,
            Body::TicketQuote(quote) => quote.said_on,
            _ => None,
        }
    }

    /// Checks every field and brings the words to one form.
    pub fn check(self) -> Result<Body> {
        Ok(match self {
            Body::ProductUpdate(update) => Body::ProductUpdate(ProductUpdate {
                title: text::required_line("title", &update.title, 120)?,
                summary: text::required_line("summary", &update.summary, 600)?,
                features: lines("features", &update.features)?,
                keywords: lines("keywords", &update.keywords)?,
                url: web_address("url", update.url.as_deref())?,
                ..update
            }),
            Body::Offer(offer) => Body::Offer(check_offer(offer)?),
            Body::PlanPrice(plan) => Body::PlanPrice(PlanPrice {
                name: text::required_line("name", &plan.name, 80)?,
                price: check_money("price", plan.price)?,
                features: lines("features", &plan.features)?,
            }),
            Body::MigrationChange(change) => Body::MigrationChange(MigrationChange {
                title: text::required_line("title", &change.title, 200)?,
                endpoint: text::optional_line("endpoint", change.endpoint.as_deref(), 300)?,
                header: text::optional_line("header", change.header.as_deref(), 300)?,
                field: text::optional_line("field", change.field.as_deref(), 300)?,
                old: text::optional_line("old", change.old.as_deref(), 300)?,
                new: text::optional_line("new", change.new.as_deref(), 300)?,
                url: web_address("url", change.url.as_deref())?,
                ..change
            }),
            Body::AllowedUrl(link) => {
                let url = text::required_line("url", &link.url, 500)?;
                web_address("url", Some(url.trim_end_matches('*')))?;
                Body::AllowedUrl(AllowedUrl { url, note: text::optional_line("note", link.note.as_deref(), 200)? })
            }
            Body::CompanyFact(fact) => Body::CompanyFact(CompanyFact {
                name: text::required_line("name", &fact.name, 60)?.to_lowercase().replace([' ', '-'], "_"),
                value: text::required_line("value", &fact.value, 300)?,
            }),
            Body::CustomerStory(story) => Body::CustomerStory(CustomerStory {
                who: text::required_line("who", &story.who, 120)?,
                quote: text::required_line("quote", &story.quote, 600)?,
                outcome: text::optional_line("outcome", story.outcome.as_deref(), 300)?,
                plan: text::optional_line("plan", story.plan.as_deref(), 80)?,
                ..story
            }),
            own @ (Body::ContactField(_) | Body::UsageFigure(_) | Body::TicketQuote(_)) => own,
        })
    }
}

fn check_offer(offer: Offer) -> Result<Offer> {
    let code = text::required_line("code", &offer.code, 40)?.to_uppercase();
    if !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Error::invalid("field_invalid", "code", "code must be letters A to Z, digits and \"-\"."));
    }
    if offer.percent.is_some() == offer.amount.is_some() {
        return Err(Error::invalid(
            "field_invalid",
            "percent",
            "An offer needs percent or amount, one of the two. Fill in one and leave the other out.",
        ));
    }
    if let Some(percent) = offer.percent.filter(|percent| !(1..=100).contains(percent)) {
        return Err(Error::invalid("field_invalid", "percent", format!("percent must be 1 to 100; got {percent}.")));
    }
    if let Some(months) = offer.months.filter(|months| !(1..=60).contains(months)) {
        return Err(Error::invalid("field_invalid", "months", format!("months must be 1 to 60; got {months}.")));
    }
    let money = |field: &str, money: Option<Money>| money.map(|money| check_money(field, money)).transpose();
    Ok(Offer {
        name: text::required_line("name", &offer.name, 120)?,
        code,
        amount: money("amount", offer.amount)?,
        cap: money("cap", offer.cap)?,
        budget: money("budget", offer.budget)?,
        ..offer
    })
}

fn check_money(field: &str, money: Money) -> Result<Money> {
    let currency = money.currency.to_uppercase();
    if !is_currency(&currency) {
        let got = text::excerpt(&currency);
        return Err(Error::invalid("field_invalid", field, format!("{field} needs a currency of three letters such as USD; got \"{got}\".")));
    }
    if !(0..=100_000_000_000).contains(&money.minor) {
        let got = money.minor;
        return Err(Error::invalid("field_invalid", field, format!("{field} must be 0 to 100000000000 minor units; got {got}.")));
    }
    Ok(Money { minor: money.minor, currency })
}

fn lines(field: &str, given: &[String]) -> Result<Vec<String>> {
    if given.len() > 50 {
        return Err(Error::invalid("field_invalid", field, format!("{field} must be at most 50; got {}.", given.len())));
    }
    let lines = given.iter().map(|line| text::line(field, line, 100)).collect::<Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| !line.is_empty()).collect())
}

/// Reads a day such as 2026-04-30.
pub fn day(field: &str, given: &str) -> Result<Date> {
    given
        .trim()
        .parse()
        .map_err(|_| Error::invalid("field_invalid", field, format!("{field} must be a day such as 2026-04-30; got \"{}\".", text::excerpt(given))))
}

/// Checks a web address that may be missing.
pub(in crate::domain) fn web_address(field: &str, given: Option<&str>) -> Result<Option<String>> {
    let Some(given) = text::optional_line(field, given, 500)? else { return Ok(None) };
    let fits = url::Url::parse(&given).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.host().is_some());
    if fits {
        return Ok(Some(given));
    }
    let got = text::excerpt(&given);
    Err(Error::invalid("field_invalid", field, format!("{field} must be a web address that starts with https://; got \"{got}\".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_does_not_depend_on_the_order_of_the_json() {
        let one = r#"{"kind": "offer", "name": "Back", "code": "BACK30", "cap": {"minor": 900, "currency": "USD"}, "percent": 30}"#;
        let other = r#"{"percent": 30, "cap": {"currency": "USD", "minor": 900}, "code": "BACK30", "name": "Back", "kind": "offer"}"#;
        let direct = [one, other].map(|text| serde_json::from_str::<Body>(text).unwrap().hash());
        // By way of a map, whose order is that of its text.
        let mapped = [one, other].map(|text| {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            serde_json::from_value::<Body>(value).unwrap().hash()
        });
        assert!(direct.iter().chain(&mapped).all(|hash| *hash == direct[0]), "{direct:?} {mapped:?}");
        let typed = r#"{"kind":"offer","name":"Back","code":"BACK30","percent":30,"amount":null,"months":null,"cap":{"minor":900,"currency":"USD"},"budget":null,"expires_on":null,"eligible_reasons":[],"stackable":false}"#;
        assert_eq!(direct[0], sha256_hex(typed.as_bytes()), "fields in the order of the type");
    }
}
