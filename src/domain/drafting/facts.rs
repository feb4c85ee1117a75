//! The fact sheet: all that a letter may draw on.

use jiff::civil::Date;

use crate::domain::contacts::UsageFigure;
use crate::domain::money::Money;
use crate::domain::reason::Reason;

/// Facts about the customer.
#[derive(Debug, Clone, Default)]
pub struct CustomerFacts {
    /// Their name as recorded.
    pub name: Option<String>,
    /// The plan they had.
    pub plan: Option<String>,
    /// What they paid a month.
    pub mrr: Option<Money>,
    /// How long they stayed, in days.
    pub tenure_days: Option<i32>,
    /// Features they used.
    pub features: Vec<String>,
    /// Figures of use.
    pub usage: Vec<UsageFigure>,
    /// The day they left.
    pub left_on: Option<Date>,
}

/// Words of the customer.
#[derive(Debug, Clone)]
pub struct QuoteFact {
    /// Where they stand.
    pub source: String,
    /// The sentence.
    pub text: String,
}

/// A product update that shipped after they left.
#[derive(Debug, Clone)]
pub struct UpdateFact {
    /// Its id.
    pub id: String,
    /// What shipped.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// The first feature it names.
    pub feature: Option<String>,
    /// The day it shipped.
    pub shipped_on: Date,
    /// Where to read more.
    pub url: Option<String>,
}

/// An offer open to this customer today.
#[derive(Debug, Clone)]
pub struct OfferFact {
    /// Its id.
    pub id: String,
    /// The code.
    pub code: String,
    /// Percent off.
    pub percent: i32,
    /// For how many months.
    pub months: Option<i32>,
    /// The last day.
    pub expires_on: Option<Date>,
}

/// A plan cheaper than theirs.
#[derive(Debug, Clone)]
pub struct PlanFact {
    /// Its name.
    pub name: String,
    /// Price a month.
    pub price: Money,
    /// What it includes.
    pub features: Vec<String>,
}

/// What another customer said.
#[derive(Debug, Clone)]
pub struct StoryFact {
    /// Its id.
    pub id: String,
    /// Who, without a name.
    pub who: String,
    /// Their words.
    pub quote: String,
    /// What came of it.
    pub outcome: Option<String>,
}

/// Facts about the company.
#[derive(Debug, Clone, Default)]
pub struct Company {
    /// The product.
    pub product: Option<String>,
    /// Who signs.
    pub sender_name: Option<String>,
    /// The founder.
    pub founder_name: Option<String>,
    /// How long a plan can pause, in months.
    pub pause_months: Option<String>,
    /// What is kept during a pause.
    pub pause_keeps: Option<String>,
    /// What an answer is thanked with.
    pub feedback_incentive: Option<String>,
    /// Where a subscription restarts.
    pub restart_url: Option<String>,
}

/// Everything a letter may draw on.
#[derive(Debug, Clone)]
pub struct FactSheet {
    /// The customer.
    pub customer: CustomerFacts,
    /// Why they left.
    pub reason: Reason,
    /// Their words about it.
    pub quotes: Vec<QuoteFact>,
    /// Updates that answer, best first.
    pub updates: Vec<UpdateFact>,
    /// Other updates since they left, newest first.
    pub other_updates: Vec<UpdateFact>,
    /// The offer open to them.
    pub offer: Option<OfferFact>,
    /// The next smaller plan.
    pub smaller_plan: Option<PlanFact>,
    /// A story that fits.
    pub story: Option<StoryFact>,
    /// The company.
    pub company: Company,
    /// The day of writing.
    pub today: Date,
}

impl FactSheet {
    /// A sheet that knows nothing but the day.
    pub fn empty(today: Date) -> Self {
        FactSheet {
            customer: CustomerFacts::default(),
            reason: Reason::Other,
            quotes: vec![],
            updates: vec![],
            other_updates: vec![],
            offer: None,
            smaller_plan: None,
            story: None,
            company: Company::default(),
            today,
        }
    }
}
