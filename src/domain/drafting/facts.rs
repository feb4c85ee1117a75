//! The fact sheet: all that a letter may draw on.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::words::{line, plain};
use crate::domain::contacts::UsageFigure;
use crate::domain::money::Money;
use crate::domain::reason::Reason;

/// Everything a letter may draw on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FactSheet {
    /// The customer.
    pub customer: CustomerFacts,
    /// Why they left.
    pub reason: Reason,
    /// Their words about it, best first.
    pub quotes: Vec<CustomerQuote>,
    /// Updates that answer the reason, best first.
    pub updates: Vec<UpdateFact>,
    /// Other updates since they left.
    pub other_updates: Vec<UpdateFact>,
    /// The offer open to them today.
    pub offer: Option<OfferFact>,
    /// What their plan costs a month today.
    pub plan_price: Option<Money>,
    /// Plans that cost less, the nearest first.
    pub cheaper_plans: Vec<PlanFact>,
    /// The company.
    pub company: CompanyFacts,
    /// What other customers said.
    pub stories: Vec<StoryFact>,
    /// The day of writing.
    pub today: Date,
}

/// Facts about the customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CustomerFacts {
    /// Their name as recorded.
    pub name: Option<String>,
    /// Where they work.
    pub company: Option<String>,
    /// The plan they had.
    pub plan: Option<String>,
    /// What they paid a month.
    pub mrr: Option<Money>,
    /// How long they stayed, in days.
    pub tenure_days: Option<u32>,
    /// Features they used.
    pub features_used: Vec<String>,
    /// Figures of use.
    pub usage: Vec<UsageFigure>,
    /// The day they were last active.
    pub last_active: Option<Date>,
    /// The day they left.
    pub left_on: Option<Date>,
}

/// Words of the customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CustomerQuote {
    /// The sentence.
    pub text: String,
    /// Where it stands.
    pub source: String,
    /// The day they wrote it.
    pub said_on: Option<Date>,
}

/// A product update that shipped after they left.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UpdateFact {
    /// Its id.
    pub id: String,
    /// What shipped.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// The features it brings, the main one first.
    pub features: Vec<String>,
    /// The day it shipped.
    pub shipped_on: Date,
    /// Where to read more.
    pub url: Option<String>,
    /// The customer's words that it matched.
    pub matched: Vec<String>,
}

/// An offer open to this customer today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OfferFact {
    /// Its id.
    pub id: String,
    /// The code.
    pub code: String,
    /// Percent off, 1 to 100.
    pub percent: u8,
    /// For how many months.
    pub months: Option<u8>,
    /// The last day.
    pub expires_on: Option<Date>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFact {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Price a month.
    pub price: Money,
    /// What it includes.
    pub features: Vec<String>,
}

/// What another customer said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoryFact {
    /// Its id.
    pub id: String,
    /// Who, without a name: "a 12-person logistics team".
    pub who: String,
    /// Their words.
    pub quote: String,
    /// What came of it, as a sentence.
    pub outcome: Option<String>,
    /// Their plan.
    pub plan: Option<String>,
    /// The reason to leave that it answers.
    pub reason: Option<Reason>,
}

/// Facts about the company.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CompanyFacts {
    /// The product.
    pub product: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// The founder.
    pub founder_name: Option<String>,
    /// The founder's title.
    pub founder_title: Option<String>,
    /// Who signs.
    pub sender_name: Option<String>,
    /// How long a subscription can pause, in months.
    pub pause_months: Option<u8>,
    /// What is kept during a pause: "your projects and settings".
    pub pause_keeps: Option<String>,
    /// What an answer is thanked with.
    pub feedback_incentive: Option<String>,
    /// How long data is kept after a subscription ends, in months.
    pub data_kept_months: Option<u16>,
    /// The site.
    pub site_url: Option<String>,
    /// Where a subscription restarts.
    pub restart_url: Option<String>,
}

impl FactSheet {
    /// The sheet with each text as one clean line, and without what is blank, impossible or not fit to print.
    pub(super) fn cleaned(&self) -> FactSheet {
        let mut sheet = self.clone();
        let customer = &mut sheet.customer;
        for text in [&mut customer.company, &mut customer.plan] {
            *text = text.as_deref().and_then(plain);
        }
        customer.features_used = plains(&customer.features_used);
        customer.usage.retain_mut(|figure| match plain(&figure.label) {
            Some(label) => {
                figure.label = label;
                figure.value > 0
            }
            None => false,
        });
        customer.left_on = customer.left_on.filter(|day| *day <= self.today);
        for update in sheet.updates.iter_mut().chain(&mut sheet.other_updates) {
            update.title = line(&update.title);
            update.summary = line(&update.summary);
            update.features = lines(&update.features);
            update.matched = plains(&update.matched);
            update.url = update.url.as_deref().and_then(link);
        }
        sheet.updates.retain(|update| !update.title.is_empty() && update.shipped_on <= self.today);
        sheet.other_updates.retain(|update| !update.title.is_empty() && update.shipped_on <= self.today);
        if let Some(offer) = &mut sheet.offer {
            offer.code = line(&offer.code);
            offer.months = offer.months.filter(|months| *months > 0);
        }
        let open = |offer: &OfferFact| {
            !offer.code.is_empty() && (1..=100).contains(&offer.percent) && offer.expires_on.is_none_or(|last| last >= self.today)
        };
        sheet.offer = sheet.offer.filter(open);
        for plan in &mut sheet.cheaper_plans {
            plan.name = line(&plan.name);
            plan.features = lines(&plan.features);
        }
        sheet.cheaper_plans.retain(|plan| !plan.name.is_empty());
        for story in &mut sheet.stories {
            story.who = line(&story.who);
            story.quote = line(&story.quote);
            story.outcome = story.outcome.as_deref().map(line).filter(|text| !text.is_empty());
        }
        sheet.stories.retain(|story| !story.who.is_empty() && !story.quote.is_empty());
        let company = &mut sheet.company;
        for text in [
            &mut company.product,
            &mut company.company,
            &mut company.founder_name,
            &mut company.founder_title,
            &mut company.sender_name,
            &mut company.pause_keeps,
            &mut company.feedback_incentive,
        ] {
            *text = text.as_deref().map(line).filter(|text| !text.is_empty());
        }
        company.pause_months = company.pause_months.filter(|months| *months > 0);
        company.data_kept_months = company.data_kept_months.filter(|months| *months > 0);
        company.restart_url = company.restart_url.as_deref().and_then(link);
        company.site_url = company.site_url.as_deref().and_then(link);
        sheet
    }
}

fn lines(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| line(text)).filter(|text| !text.is_empty()).collect()
}

fn plains(texts: &[String]) -> Vec<String> {
    texts.iter().filter_map(|text| plain(text)).collect()
}

/// A web address that can stand in a letter.
fn link(url: &str) -> Option<String> {
    let url = url.trim();
    let web = url.starts_with("https://") || url.starts_with("http://");
    let clean = !url.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"'`{}|\\^".contains(c));
    (web && clean && url.len() > "https://".len()).then(|| url.to_owned())
}
