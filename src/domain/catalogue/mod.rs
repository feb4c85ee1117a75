//! What a draft may claim: product updates, offers, plans, stories and facts about the company.

use diesel::prelude::*;
use jiff::civil::Date;
use serde_json::json;

use crate::clock::Time;
use crate::db::schema::{company_facts, customer_stories, offers, plans, product_updates};
use crate::db::types::Json;
use crate::db::{Conn, transaction};
use crate::domain::actor::{Actor, Scope};
use crate::domain::audit::{self, Entry};
use crate::domain::error::{Error, Result};
use crate::domain::ids::{OfferId, ProductUpdateId, RowId};
use crate::domain::reason::Reason;
use crate::domain::text;

/// A changelog entry.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::product_updates)]
pub struct ProductUpdate {
    /// Its id.
    pub id: ProductUpdateId,
    /// What shipped, in a few words.
    pub title: String,
    /// What it does, in a sentence or two.
    pub summary: String,
    /// The features it adds or mends.
    pub features: Json<Vec<String>>,
    /// Words that customers use for it.
    pub keywords: Json<Vec<String>>,
    /// The day it shipped, as YYYY-MM-DD.
    pub shipped_on: String,
    /// Where to read more.
    pub url: Option<String>,
    /// Who entered it.
    pub created_by: String,
    /// When it was entered.
    pub created_at: Time,
}

impl ProductUpdate {
    /// The day it shipped.
    pub fn shipped(&self) -> Date {
        self.shipped_on.parse().unwrap_or_default()
    }
}

/// A typed promise.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::offers)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Its name here.
    pub name: String,
    /// The coupon code.
    pub code: String,
    /// Percent off, 1 to 100.
    pub percent: i32,
    /// For how many months, 1 to 60; none for as long as they stay.
    pub months: Option<i32>,
    /// The last day it can be redeemed, as YYYY-MM-DD.
    pub expires_on: Option<String>,
    /// For which reasons; empty for all.
    pub eligible_reasons: Json<Vec<Reason>>,
    /// Since when it is withdrawn.
    pub retired_at: Option<Time>,
    /// Who entered it.
    pub created_by: String,
    /// When it was entered.
    pub created_at: Time,
}

impl Offer {
    /// The last day it can be redeemed.
    pub fn expires(&self) -> Option<Date> {
        self.expires_on.as_deref().and_then(|day| day.parse().ok())
    }

    /// Whether it can be promised today to somebody who left for this reason.
    pub fn is_open(&self, reason: Reason, today: Date) -> bool {
        self.retired_at.is_none()
            && self.expires().is_none_or(|day| day >= today)
            && (self.eligible_reasons.is_empty() || self.eligible_reasons.contains(&reason))
    }
}

/// A plan with its monthly price.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::plans)]
pub struct Plan {
    /// Its id.
    pub id: RowId,
    /// Its name.
    pub name: String,
    /// Price a month in minor units.
    pub price_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// What it includes.
    pub features: Json<Vec<String>>,
    /// When it was entered.
    pub created_at: Time,
}

/// What a customer said and may be quoted with.
#[derive(Debug, Clone, Queryable, Insertable)]
#[diesel(table_name = crate::db::schema::customer_stories)]
pub struct Story {
    /// Its id.
    pub id: RowId,
    /// Who, described without a name.
    pub who: String,
    /// Their words.
    pub quote: String,
    /// What came of it.
    pub outcome: Option<String>,
    /// Their plan.
    pub plan_name: Option<String>,
    /// The reason for leaving it speaks to.
    pub reason: Option<String>,
    /// When it was entered.
    pub created_at: Time,
}

/// A product update to be entered.
#[derive(Debug, Clone, Default)]
pub struct NewUpdate {
    /// What shipped.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// The features.
    pub features: Vec<String>,
    /// Words that customers use for it.
    pub keywords: Vec<String>,
    /// The day it shipped, as YYYY-MM-DD.
    pub shipped_on: String,
    /// Where to read more.
    pub url: Option<String>,
}

/// Enters a product update.
pub fn add_update(conn: &mut Conn, actor: &Actor, new: &NewUpdate, now: Time) -> Result<ProductUpdateId> {
    actor.must_manage()?;
    actor.must_have(Scope::Draft)?;
    let row = ProductUpdate {
        id: ProductUpdateId::new(),
        title: text::required_line("title", &new.title, 120)?,
        summary: text::required_line("summary", &new.summary, 600)?,
        features: Json::new(lines("features", &new.features)?),
        keywords: Json::new(lines("keywords", &new.keywords)?),
        shipped_on: day("shipped_on", &new.shipped_on)?.to_string(),
        url: web_address("url", new.url.as_deref())?,
        created_by: actor.name().to_owned(),
        created_at: now,
    };
    transaction(conn, |conn| {
        diesel::insert_into(product_updates::table).values(row.clone()).execute(conn)?;
        log(conn, actor, "product_update.add", "product_update", row.id.as_str(), json!({"title": row.title}), now)?;
        Ok(row.id.clone())
    })
}

/// The updates, newest first.
pub fn updates(conn: &mut Conn, limit: i64) -> Result<Vec<ProductUpdate>> {
    Ok(product_updates::table.order((product_updates::shipped_on.desc(), product_updates::id.desc())).limit(limit).load(conn)?)
}

/// An offer to be entered.
#[derive(Debug, Clone, Default)]
pub struct NewOffer {
    /// Its name here.
    pub name: String,
    /// The coupon code.
    pub code: String,
    /// Percent off.
    pub percent: i32,
    /// For how many months.
    pub months: Option<i32>,
    /// The last day, as YYYY-MM-DD.
    pub expires_on: Option<String>,
    /// For which reasons; empty for all.
    pub eligible_reasons: Vec<Reason>,
}

/// Enters an offer.
pub fn add_offer(conn: &mut Conn, actor: &Actor, new: &NewOffer, now: Time) -> Result<OfferId> {
    actor.must_manage()?;
    if matches!(actor, Actor::Key { .. }) {
        return Err(Error::forbidden("person_required", "Only a person can enter an offer."));
    }
    let code = text::required_line("code", &new.code, 40)?.to_uppercase();
    if !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Error::invalid("field_invalid", "code", "code must be letters A to Z, digits and \"-\"."));
    }
    if !(1..=100).contains(&new.percent) {
        return Err(Error::invalid("field_invalid", "percent", format!("percent must be 1 to 100; got {}.", new.percent)));
    }
    if let Some(months) = new.months.filter(|months| !(1..=60).contains(months)) {
        return Err(Error::invalid("field_invalid", "months", format!("months must be 1 to 60; got {months}.")));
    }
    let expires_on = new.expires_on.as_deref().filter(|day| !day.trim().is_empty()).map(|text| day("expires_on", text)).transpose()?;
    let row = Offer {
        id: OfferId::new(),
        name: text::required_line("name", &new.name, 120)?,
        code,
        percent: new.percent,
        months: new.months,
        expires_on: expires_on.map(|day| day.to_string()),
        eligible_reasons: Json::new(new.eligible_reasons.clone()),
        retired_at: None,
        created_by: actor.name().to_owned(),
        created_at: now,
    };
    transaction(conn, |conn| {
        let taken: i64 = offers::table.filter(offers::code.eq(&row.code)).count().get_result(conn)?;
        if taken > 0 {
            return Err(Error::conflict("offer_exists", "There is an offer with this code already. Choose another code."));
        }
        diesel::insert_into(offers::table).values(row.clone()).execute(conn)?;
        log(conn, actor, "offer.add", "offer", row.id.as_str(), json!({"code": row.code, "percent": row.percent}), now)?;
        Ok(row.id.clone())
    })
}

/// Withdraws an offer: no new draft promises it.
pub fn retire_offer(conn: &mut Conn, actor: &Actor, id: &OfferId, now: Time) -> Result<()> {
    actor.must_manage()?;
    transaction(conn, |conn| {
        let changed = diesel::update(offers::table.find(id).filter(offers::retired_at.is_null())).set(offers::retired_at.eq(now)).execute(conn)?;
        if changed == 0 {
            return Err(Error::not_found("offer"));
        }
        log(conn, actor, "offer.retire", "offer", id.as_str(), json!({}), now)
    })
}

/// All offers, open ones first.
pub fn offers(conn: &mut Conn) -> Result<Vec<Offer>> {
    Ok(offers::table.order((offers::retired_at.is_not_null(), offers::created_at.desc())).limit(500).load(conn)?)
}

/// Enters a plan.
pub fn add_plan(conn: &mut Conn, actor: &Actor, name: &str, price_minor: i64, currency: &str, features: &[String], now: Time) -> Result<()> {
    actor.must_manage()?;
    let row = Plan {
        id: RowId::new(),
        name: text::required_line("name", name, 80)?,
        price_minor,
        currency: currency.to_uppercase(),
        features: Json::new(lines("features", features)?),
        created_at: now,
    };
    diesel::insert_into(plans::table).values(row.clone()).execute(conn)?;
    log(conn, actor, "plan.add", "plan", row.id.as_str(), json!({"name": row.name, "price_minor": row.price_minor}), now)
}

/// All plans, cheapest first.
pub fn plans(conn: &mut Conn) -> Result<Vec<Plan>> {
    Ok(plans::table.order(plans::price_minor).limit(100).load(conn)?)
}

/// Enters a story.
pub fn add_story(conn: &mut Conn, actor: &Actor, story: &Story, now: Time) -> Result<()> {
    actor.must_manage()?;
    diesel::insert_into(customer_stories::table).values(story.clone()).execute(conn)?;
    log(conn, actor, "story.add", "story", story.id.as_str(), json!({}), now)
}

/// All stories.
pub fn stories(conn: &mut Conn) -> Result<Vec<Story>> {
    Ok(customer_stories::table.order(customer_stories::id).limit(200).load(conn)?)
}

/// Sets a fact about the company, such as `founder_name`.
pub fn set_company_fact(conn: &mut Conn, actor: &Actor, name: &str, value: &str, now: Time) -> Result<()> {
    actor.must_manage()?;
    let name = text::required_line("name", name, 60)?;
    let value = text::required_line("value", value, 300)?;
    transaction(conn, |conn| {
        let changed = diesel::update(company_facts::table.find(&name))
            .set((company_facts::value.eq(&value), company_facts::updated_at.eq(now)))
            .execute(conn)?;
        if changed == 0 {
            diesel::insert_into(company_facts::table)
                .values((company_facts::name.eq(&name), company_facts::value.eq(&value), company_facts::updated_at.eq(now)))
                .execute(conn)?;
        }
        log(conn, actor, "company_fact.set", "company_fact", &name, json!({"value": value}), now)
    })
}

/// Facts about the company by name.
pub fn company_facts(conn: &mut Conn) -> Result<std::collections::HashMap<String, String>> {
    let rows: Vec<(String, String)> = company_facts::table.select((company_facts::name, company_facts::value)).load(conn)?;
    Ok(rows.into_iter().collect())
}

fn lines(field: &str, given: &[String]) -> Result<Vec<String>> {
    if given.len() > 50 {
        return Err(Error::invalid("field_invalid", field, format!("{field} must be at most 50; got {}.", given.len())));
    }
    let lines = given.iter().map(|line| text::line(field, line, 100)).collect::<Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| !line.is_empty()).collect())
}

fn day(field: &str, given: &str) -> Result<Date> {
    given
        .trim()
        .parse()
        .map_err(|_| Error::invalid("field_invalid", field, format!("{field} must be a day such as 2026-04-30; got \"{}\".", text::excerpt(given))))
}

fn web_address(field: &str, given: Option<&str>) -> Result<Option<String>> {
    let Some(given) = text::optional_line(field, given, 500)? else { return Ok(None) };
    let fits = url::Url::parse(&given).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.host().is_some());
    if fits {
        return Ok(Some(given));
    }
    Err(Error::invalid(
        "field_invalid",
        field,
        format!("{field} must be a web address that starts with https://; got \"{}\".", text::excerpt(&given)),
    ))
}

fn log(conn: &mut Conn, actor: &Actor, action: &'static str, kind: &'static str, id: &str, detail: serde_json::Value, now: Time) -> Result<()> {
    audit::record(conn, actor, Entry { action, target_kind: kind, target_id: id, mailbox_id: None, detail }, now)
}
