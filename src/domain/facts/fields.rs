//! Facts as fields of text: what a form posts and a row of a CSV file holds.

use jiff::civil::Date;
use serde_json::Value;

use crate::domain::error::{Error, Result};
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::domain::text;

use super::{AllowedUrl, Body, CompanyFact, CustomerStory, Kind, MigrationChange, Offer, PlanPrice, ProductUpdate, day};

/// How a field is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A line.
    Line,
    /// Some sentences.
    Area,
    /// A day as YYYY-MM-DD.
    Day,
    /// A whole number.
    Number,
    /// An amount in the main unit, such as 79.50; its currency is a field of its own.
    Amount,
    /// A web address.
    Address,
    /// Several, with semicolons between.
    List,
    /// Reasons for leaving, with semicolons between.
    Reasons,
    /// yes or no.
    Yes,
}

/// A field of a kind of fact.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in the API, in a CSV file and in a form.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// How it is entered.
    pub input: Input,
    /// Whether it must be filled in.
    pub required: bool,
}

const fn must(name: &'static str, label: &'static str, input: Input) -> Field {
    Field { name, label, input, required: true }
}

const fn may(name: &'static str, label: &'static str, input: Input) -> Field {
    Field { name, label, input, required: false }
}

/// The fields of a kind; none for kinds that come from a contact.
pub fn of(kind: Kind) -> &'static [Field] {
    use Input::{Address, Amount, Area, Day, Line, List, Number, Reasons, Yes};
    match kind {
        Kind::ProductUpdate => {
            const {
                &[
                    must("title", "Title", Line),
                    must("shipped_on", "Shipped on", Day),
                    must("summary", "What it does, in a sentence or two", Area),
                    may("features", "Features", List),
                    may("keywords", "Words customers use for it", List),
                    may("url", "Where to read more", Address),
                ]
            }
        }
        Kind::Offer => {
            const {
                &[
                    must("name", "Name", Line),
                    must("code", "Code", Line),
                    may("percent", "Percent off", Number),
                    may("amount", "Or amount off", Amount),
                    may("months", "For how many months", Number),
                    may("expires_on", "Last day", Day),
                    may("cap", "Most one customer saves", Amount),
                    may("budget", "Most given away in all", Amount),
                    may("currency", "Currency of the amounts", Line),
                    may("eligible_reasons", "For which reasons (none: any)", Reasons),
                    may("stackable", "May stand beside another offer", Yes),
                ]
            }
        }
        Kind::PlanPrice => {
            const {
                &[
                    must("name", "Plan", Line),
                    must("price", "Price a month", Amount),
                    must("currency", "Currency", Line),
                    may("features", "What it includes", List),
                ]
            }
        }
        Kind::CompanyFact => const { &[must("name", "Name, such as team_size", Line), must("value", "What is so", Line)] },
        Kind::AllowedUrl => const { &[must("url", "Address; a star at the end allows all below it", Line), may("note", "What it is for", Line)] },
        Kind::MigrationChange => {
            const {
                &[
                    must("title", "What changes", Line),
                    may("endpoint", "Endpoint", Line),
                    may("header", "Header", Line),
                    may("field", "Field", Line),
                    may("old", "As it was", Line),
                    may("new", "As it will be", Line),
                    may("deadline", "The old one stops on", Day),
                    may("url", "Where to read more", Address),
                ]
            }
        }
        Kind::CustomerStory => {
            const {
                &[
                    must("who", "Who, without a name", Line),
                    must("quote", "Their words", Area),
                    may("outcome", "What came of it", Line),
                    may("plan", "Their plan", Line),
                    may("reason", "Speaks to the reason", Line),
                ]
            }
        }
        Kind::ContactField | Kind::UsageFigure | Kind::TicketQuote => &[],
    }
}

/// Fields by name.
struct Given<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Given<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn need(&self, name: &str) -> Result<String> {
        self.get(name).ok_or_else(|| Error::invalid("field_invalid", name, format!("{name} must be filled in; got nothing.")))
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.get(name)
            .map(|text| text.split([';', '\n']).map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
            .unwrap_or_default()
    }

    fn day(&self, name: &str) -> Result<Option<Date>> {
        self.get(name).map(|text| day(name, &text)).transpose()
    }

    fn small(&self, name: &str) -> Result<Option<u8>> {
        let parse = |given: String| {
            let wrong = || format!("{name} must be a whole number from 0 to 255; got \"{}\".", text::excerpt(&given));
            given.parse().map_err(|_| Error::invalid("field_invalid", name, wrong()))
        };
        self.get(name).map(parse).transpose()
    }

    /// `price` as 79.50, or `price_minor` as 7950; both need `currency`.
    fn money(&self, name: &str) -> Result<Option<Money>> {
        let minor = format!("{name}_minor");
        let (field, given) = match (self.get(name), self.get(&minor)) {
            (Some(given), _) => (name, given),
            (None, Some(given)) => (minor.as_str(), given),
            (None, None) => return Ok(None),
        };
        let currency = self.need("currency")?.to_uppercase();
        let read = if field == name { Money::parse(&given, &currency) } else { given.parse().ok().map(|minor| Money { minor, currency }) };
        let example = if field == name { "an amount such as 79.50" } else { "a whole number of minor units such as 7950" };
        read.map(Some).ok_or_else(|| Error::invalid("field_invalid", field, format!("{field} must be {example}; got \"{}\".", text::excerpt(&given))))
    }

    fn reasons(&self, name: &str) -> Result<Vec<Reason>> {
        let read =
            |word: &String| word.parse::<Reason>().map_err(|expected| Error::invalid("field_invalid", name, format!("{name} must be {expected}.")));
        self.list(name).iter().map(read).collect()
    }
}

/// Reads a body from its fields; `Body::check` looks at what they hold.
pub fn read(kind: Kind, given: &dyn Fn(&str) -> Option<String>) -> Result<Body> {
    let given = Given(given);
    Ok(match kind {
        Kind::ProductUpdate => Body::ProductUpdate(ProductUpdate {
            title: given.need("title")?,
            summary: given.need("summary")?,
            features: given.list("features"),
            keywords: given.list("keywords"),
            shipped_on: day("shipped_on", &given.need("shipped_on")?)?,
            url: given.get("url"),
        }),
        Kind::Offer => Body::Offer(Offer {
            name: given.need("name")?,
            code: given.need("code")?,
            percent: given.small("percent")?,
            amount: given.money("amount")?,
            months: given.small("months")?,
            cap: given.money("cap")?,
            budget: given.money("budget")?,
            expires_on: given.day("expires_on")?,
            eligible_reasons: given.reasons("eligible_reasons")?,
            stackable: given.get("stackable").is_some_and(|word| matches!(word.to_lowercase().as_str(), "yes" | "true" | "1")),
        }),
        Kind::PlanPrice => {
            let price = given.money("price")?.ok_or_else(|| Error::invalid("field_invalid", "price", "price must be filled in; got nothing."))?;
            Body::PlanPrice(PlanPrice { name: given.need("name")?, price, features: given.list("features") })
        }
        Kind::CompanyFact => Body::CompanyFact(CompanyFact { name: given.need("name")?, value: given.need("value")? }),
        Kind::AllowedUrl => Body::AllowedUrl(AllowedUrl { url: given.need("url")?, note: given.get("note") }),
        Kind::MigrationChange => Body::MigrationChange(MigrationChange {
            title: given.need("title")?,
            endpoint: given.get("endpoint"),
            header: given.get("header"),
            field: given.get("field"),
            old: given.get("old"),
            new: given.get("new"),
            deadline: given.day("deadline")?,
            url: given.get("url"),
        }),
        Kind::CustomerStory => Body::CustomerStory(CustomerStory {
            who: given.need("who")?,
            quote: given.need("quote")?,
            outcome: given.get("outcome"),
            plan: given.get("plan"),
            reason: given.reasons("reason")?.first().copied(),
        }),
        Kind::ContactField | Kind::UsageFigure | Kind::TicketQuote => {
            return Err(Error::invalid("field_invalid", "kind", format!("{kind} comes from the contact and cannot be entered.")));
        }
    })
}

/// What a field of a body holds, in the form that `read` takes.
pub fn written(body: &Body, name: &str) -> String {
    let whole = serde_json::to_value(body).unwrap_or_default();
    let currency = ["price", "amount", "cap", "budget"].iter().find_map(|money| whole.get(money)?.get("currency")?.as_str());
    match whole.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "" }.to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        Some(Value::Object(_)) => serde_json::from_value::<Money>(whole[name].clone()).map(|money| money.plain()).unwrap_or_default(),
        _ if name == "currency" => currency.unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}
