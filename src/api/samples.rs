//! A body for each call that takes one, as the description and the reference page show it.

use serde_json::{Value, json};

const ID: &str = "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6";

/// A body that the call with this id takes; null where there is none.
pub fn of(id: &str) -> Value {
    [people(id), mail(id), desk(id), programs(id), recovery(id)].into_iter().find(|sample| !sample.is_null()).unwrap_or_default()
}

fn people(id: &str) -> Value {
    match id {
        "put_contact" => json!({"email": "ana@example.com", "name": "Ana", "tags": ["trial"], "metadata": {"plan": "Team"}}),
        "change_contact" => json!({"name": "Ana Silva", "time_zone": "Europe/Lisbon"}),
        "add_contact_tags" => json!({"tags": ["trial"]}),
        "forecast_send" => json!({"contacts": ["ana@example.com"]}),
        "suppress_address" => json!({"email": "bo@example.com", "reason": "by_hand"}),
        "record_usage" => json!({"events": [{"email": "ana@example.com", "name": "report_exported", "id": "export-4711"}]}),
        "change_preferences" => json!({"most_per_week": 1}),
        "ask_consent" => json!({"source": "Sign-up form of the website", "purpose": "our newsletter"}),
        "put_source" => json!({"source": "the list of exhibitors of the Spring Fair", "elsewhere": true}),
        "create_segment" => json!({"name": "On API v1", "tags": "api-v1,-migration-started"}),
        "change_segment" => json!({"name": "Still on API v1"}),
        "record_signal" => json!({"email": "ana@example.com", "kind": "nps", "value": 9, "id": "nps-42"}),
        _ => Value::Null,
    }
}

fn mail(id: &str) -> Value {
    match id {
        "send_email" | "send_email_from" => {
            json!({"to": "ana@example.com", "subject": "Your export", "text_body": "Hi Ana,\n\nthe export you asked for is there."})
        }
        "edit_email" => json!({"text_body": "Hi Ana,\n\nhere is the corrected text."}),
        "tag_email" => json!({"tags": ["buying_intent"]}),
        "schedule_email" => json!({"send_at": null}),
        "reply_email" => json!({"text_body": "Hi Ana,\n\nthank you for asking. The export is there now."}),
        "create_template" => json!({
            "name": "Ask for a referral", "subject": "Do you know somebody, {{ name }}?", "body": "Hi {{ name }},\nthank you for staying.\n",
            "variables": [{"name": "name", "type": "text", "source": "contact.name"}],
        }),
        "change_template" => json!({"archived": true}),
        "add_template_version" => json!({"subject": "Hello", "body": "Hi,\nthank you for staying.\n", "note": "Shorter"}),
        "render_template" => json!({"contact": "ana@example.com"}),
        "send_template" => json!({"to": "ana@example.com"}),
        "check_claims" => json!({"text": "Hi Ana, with COMEBACK20 you get 20% off."}),
        "waive_claim" => json!({"reason": "The date was agreed on the phone on 3 March."}),
        _ => Value::Null,
    }
}

fn desk(id: &str) -> Value {
    match id {
        "create_mailbox" => json!({"address": "hello@example.com", "name": "Example", "postal_address": "1 Main Street, Springfield"}),
        "change_mailbox" => json!({"undo_seconds": 30}),
        "request_upgrade" => json!({"target_mode": "monitored", "reason": "200 drafts approved unchanged"}),
        "finish_upgrade" => json!({"code": "123456"}),
        "stop_sending" => json!({"reason": "The offer in the last ten emails is wrong."}),
        "limit_delivery" => json!({"per_minute": 60}),
        "tighten_sending_rules" => json!({"cap_messages": 1}),
        "decide" => json!({"message_id": ID, "decision": "approve"}),
        "decide_email" => json!({"decision": "request_changes", "reason": "The offer ended in May."}),
        "decide_batch" => json!([{"id": ID, "content_hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]),
        "create_webhook" => json!({"url": "https://hooks.example.com/countersign", "events": ["message.pending"]}),
        "change_webhook" => json!({"enabled": false}),
        "receive_signed_report" => {
            json!({"event_id": "left-42", "type": "churned", "customer_email": "ana@example.com", "cancel_reason": "too_expensive"})
        }
        "report_cancellation" => json!({
            "customer_id": "cus_42", "customer_email": "ana@example.com", "signed_at": 1_767_225_600, "signature": "0".repeat(64), "reason": "too_expensive",
        }),
        _ => Value::Null,
    }
}

fn programs(id: &str) -> Value {
    match id {
        "create_campaign" => json!({"name": "Spring win-back", "kind": "winback"}),
        "change_campaign" => json!({"goal": "Ten customers back by June"}),
        "set_campaign_variants" => json!({"variants": [{"name": "short", "share": 50}, {"name": "long", "share": 50}]}),
        "draft_campaign" => json!({"template_id": ID, "holdout": 10}),
        "create_cohort" => json!({"name": "API v1", "tags": "api-v1", "deadline": "2030-04-30", "from_version": "v1", "to_version": "v2"}),
        "change_cohort" => json!({"deadline": "2030-05-31"}),
        "draft_cohort" => json!({"phase": "announcement"}),
        "compare_cohort_api" => json!({
            "old": {"openapi": "3.1.0", "info": {"title": "Orders", "version": "1"}, "paths": {"/v1/orders": {"get": {"responses": {}}}}},
            "new": {"openapi": "3.1.0", "info": {"title": "Orders", "version": "2"}, "paths": {"/v2/orders": {"get": {"responses": {}}}}},
        }),
        "create_sequence" => json!({"name": "Welcome", "steps": [{"subject": "Welcome", "body": "Good to have you.", "wait_days": 0}]}),
        "change_sequence" => json!({"paused": true}),
        "enroll_segment" => json!({"segment_id": ID}),
        "enroll_contact" => json!({"email": "ana@example.com"}),
        "stop_enrollment" => json!({"reason": "They asked us to wait."}),
        "set_holidays" => json!({"holidays": [{"day": "2030-12-25", "name": "Christmas"}]}),
        "create_referral" => json!({"email": "ana@example.com", "target_url": "https://www.example.com/signup"}),
        "record_conversion" => json!({"email": "bo@example.com", "id": "signup-42"}),
        "give_referral_reward" => json!({"conversion_id": ID, "amount": 1, "unit": "months"}),
        "remind_referrer" => json!({"reward": "a month of your plan for each sign-up"}),
        _ => Value::Null,
    }
}

fn recovery(id: &str) -> Value {
    match id {
        "create_fact" => json!({"kind": "company_fact", "name": "Team size", "value": "8 people", "source": "https://www.example.com/about"}),
        "change_fact" => json!({"value": "9 people", "source": "https://www.example.com/about"}),
        "revoke_fact" => json!({"reason": "The offer was withdrawn on 2 May."}),
        "correct_fact" => json!({"subject": "A correction", "text": "What we wrote about the offer was wrong."}),
        "create_product_update" => {
            json!({"title": "CSV export", "summary": "Every table can be downloaded.", "shipped_on": "2026-04-30", "source": "https://www.example.com/changelog"})
        }
        "create_offer" => json!({"name": "Come back", "code": "COMEBACK20", "percent": 20, "source": "Approved by marketing"}),
        "create_churn_event" | "create_project_churn_event" => json!({
            "customer_email": "ana@example.com", "customer_name": "Ana", "plan_name": "Team", "mrr_cents": 4900, "currency": "usd",
            "cancel_reason": "too_expensive",
        }),
        "correct_reason" => json!({"reason": "missing_features"}),
        "judge_match" => json!({"fact_id": ID, "accepted": true}),
        "edit_variant" => json!({"subject": "What changed since you left"}),
        "send_variant" => json!({}),
        "create_holding_rule" | "backtest_holding_rule" => json!({"name": "Large sums", "amount_over": 50_000, "currency": "EUR", "approvers": 2}),
        "create_winback_rule" => json!({"name": "Asked for it, and it shipped", "reasons": ["missing_features"], "needs_update": true}),
        "change_winback_rule" => json!({"enabled": false}),
        "forecast_winback_rule" | "forecast_changed_winback_rule" => json!({"reasons": ["too_expensive"], "from_days": 7, "to_days": 30}),
        _ => Value::Null,
    }
}
