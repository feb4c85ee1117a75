//! The fields of facts that people and agents enter.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::domain::facts::Kind;

/// A fact of any kind.
pub(super) fn entered(_: &mut SchemaGenerator) -> Schema {
    described(&Kind::ENTERED, &["kind"]).into()
}

/// What changes in a fact.
pub(super) fn changed(_: &mut SchemaGenerator) -> Schema {
    described(&Kind::ENTERED, &[]).into()
}

/// A product update.
pub(super) fn entered_update(_: &mut SchemaGenerator) -> Schema {
    described(&[Kind::ProductUpdate], &["title"]).into()
}

/// An offer.
pub(super) fn entered_offer(_: &mut SchemaGenerator) -> Schema {
    described(&[Kind::Offer], &["name"]).into()
}

/// One flat object for all kinds: which fields belong to which kind is said in words,
/// because few clients show a choice of schemas well.
pub(crate) fn described(kinds: &[Kind], required: &[&str]) -> Map<String, Value> {
    let text = |about: &str| json!({"type": "string", "description": about});
    let list = |about: &str| json!({"type": "array", "items": {"type": "string"}, "description": about});
    let money = |about: &str| {
        json!({
            "type": "object",
            "description": about,
            "properties": {
                "minor": {"type": "integer", "description": "The amount in minor units, such as cents."},
                "currency": {"type": "string", "description": "ISO 4217, such as USD."},
            },
            "required": ["minor", "currency"],
        })
    };
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": {
            "kind": {"type": "string", "enum": kinds, "description": "What kind of fact."},
            "source": text("Where it can be looked up, such as a link or a document."),
            "title": text("product_update, migration_change: what it is, in a few words."),
            "summary": text("product_update: what it does, in a sentence or two."),
            "features": list("product_update: what it adds or mends. plan_price: what the plan includes."),
            "keywords": list("product_update: words that customers use for it."),
            "shipped_on": text("product_update: the day, such as 2026-04-30."),
            "url": text("allowed_url: the link, a star at the end allows everything below it. product_update, migration_change: where to read more."),
            "name": text("offer, plan_price, company_fact: its name."),
            "code": text("offer: the coupon code."),
            "percent": {"type": "integer", "description": "offer: percent off, 1 to 100. Percent or amount, never both."},
            "amount": money("offer: amount off."),
            "months": {"type": "integer", "description": "offer: for how many months; for as long as they stay without it."},
            "cap": money("offer: the most that one customer saves."),
            "budget": money("offer: the most that is given away in all."),
            "expires_on": text("offer: the last day it can be redeemed."),
            "eligible_reasons": list("offer: for which reasons for leaving; for all without it."),
            "stackable": {"type": "boolean", "description": "offer: whether it may stand beside another one."},
            "price": money("plan_price: the price a month."),
            "value": text("company_fact: what is so."),
            "note": text("allowed_url: what the link is for."),
            "endpoint": text("migration_change: the endpoint it is about."),
            "header": text("migration_change: the header it is about."),
            "field": text("migration_change: the field it is about."),
            "old": text("migration_change: as it was."),
            "new": text("migration_change: as it will be."),
            "deadline": text("migration_change: the day the old one stops."),
            "who": text("customer_story: who, described without a name."),
            "quote": text("customer_story: their words."),
            "outcome": text("customer_story: what came of it."),
            "plan": text("customer_story: their plan."),
            "reason": text("customer_story: the reason for leaving it speaks to."),
        },
    });
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::{AllowedUrl, Body, CompanyFact, CustomerStory, MigrationChange, Offer, PlanPrice, ProductUpdate};
    use crate::domain::money::Money;

    #[test]
    fn the_schema_names_every_field_of_every_kind() {
        let price = Money { minor: 900, currency: "USD".into() };
        let bodies = [
            Body::ProductUpdate(ProductUpdate::default()),
            Body::Offer(Offer::default()),
            Body::PlanPrice(PlanPrice { name: "Team".into(), price, features: vec![] }),
            Body::MigrationChange(MigrationChange::default()),
            Body::AllowedUrl(AllowedUrl { url: "https://example.com".into(), note: None }),
            Body::CompanyFact(CompanyFact { name: "team_size".into(), value: "8".into() }),
            Body::CustomerStory(CustomerStory::default()),
        ];
        assert_eq!(bodies.len(), Kind::ENTERED.len());
        let schema = described(&Kind::ENTERED, &[]);
        let mut named: Vec<String> = vec!["source".into()];
        for body in bodies {
            for field in serde_json::to_value(&body).unwrap().as_object().unwrap().keys() {
                assert!(schema["properties"].get(field).is_some(), "{field} of {} is missing", body.kind());
                named.push(field.clone());
            }
        }
        for field in schema["properties"].as_object().unwrap().keys() {
            assert!(named.contains(field), "{field} belongs to no kind");
        }
    }
}
