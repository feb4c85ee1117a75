//! What REST does, MCP does too, or there is a reason why not.

use std::collections::BTreeSet;

use countersign::api::operations::all;
use countersign::domain::actor::Scope;
use countersign::domain::mailboxes::Mode;
use serde_json::json;

use crate::mcp::{Client, serve};
use crate::support::{Desk, address};

/// Calls whose tool has another name, because it does more or says more plainly what it does.
const BY_ANOTHER_NAME: &[(&str, &str)] = &[
    ("put_contact", "add_contact"),
    ("get_contact", "manage_contacts"),
    ("change_contact", "manage_contacts"),
    ("add_contact_tags", "manage_contacts"),
    ("remove_contact_tag", "manage_contacts"),
    ("explain", "explain_contact"),
    ("send_email_from", "send_email"),
    ("get_email", "read_email"),
    ("get_mailbox_email", "read_email"),
    ("wait_for_email", "wait_for_decision"),
    ("change_mailbox", "tighten_mode"),
    ("request_upgrade", "request_mode"),
    ("decide", "decide_email"),
    ("decide_batch", "decide_emails"),
    ("change_preferences", "lessen_preferences"),
    ("list_consents", "get_consents"),
    ("get_source", "get_consents"),
    ("put_source", "record_source"),
    ("list_segment_contacts", "get_segment"),
    ("list_campaign_drafts", "get_campaign_drafts"),
    ("get_cohort", "get_cohort_board"),
    ("create_fact", "propose_fact"),
    ("create_product_update", "propose_fact"),
    ("create_offer", "propose_fact"),
    ("list_product_updates", "list_facts"),
    ("list_offers", "list_facts"),
    ("correct_fact", "send_corrections"),
    ("get_key", "describe_key"),
    ("report_reasons", "get_churn_reasons"),
    ("report_recovered", "get_recovered_revenue"),
    ("report_messages", "get_message_report"),
    ("report_campaigns", "get_campaign_report"),
    ("report_deliverability", "get_deliverability"),
    ("churn_stats", "get_churn_stats"),
    ("report_departures", "get_departures"),
    ("report_strategies", "get_strategies"),
    ("report_referrals", "get_referral_return"),
    ("report_sequence", "get_sequence_funnel"),
    ("report_cohort", "get_cohort_history"),
    ("create_project_churn_event", "create_churn_event"),
    ("correct_reason", "correct_churn_reason"),
    ("forecast_changed_winback_rule", "forecast_winback_rule"),
];

/// Calls without a tool, and why.
const FOR_NO_AGENT: &[(&str, &[&str])] = &[
    ("what ends for good or for the whole installation is for programs of its administrators", &["erase_contact", "create_mailbox", "set_holidays"]),
    ("no key may, so that a tool would only refuse", &["lift_suppression", "finish_upgrade", "resume_campaign", "withdraw_consent"]),
    ("the log of what keys did is for those who watch them", &["list_calls"]),
    ("a file is for programs", &["export_contacts", "export_churn_events", "export_messages", "export_suppression"]),
    (
        "where this desk reports to is for administrators and their programs",
        &[
            "list_webhooks",
            "create_webhook",
            "get_webhook",
            "change_webhook",
            "delete_webhook",
            "rotate_webhook_secret",
            "test_webhook",
            "list_webhook_deliveries",
            "replay_webhook_delivery",
        ],
    ),
    (
        "other systems call it",
        &[
            "receive_stripe_event",
            "receive_provider_event",
            "receive_signed_report",
            "receive_mail",
            "report_cancellation",
            "ask_to_report_cancellation",
        ],
    ),
    ("tools describe themselves", &["get_openapi"]),
];

#[actix_web::test]
async fn every_call_has_a_tool_or_a_reason_why_not() {
    let desk = Desk::new().await;
    let url = serve(&desk).await;
    let mut tools = BTreeSet::<String>::new();
    for scopes in [&[Scope::Read, Scope::Draft, Scope::Contacts][..], &[Scope::Read, Scope::OversightRead, Scope::Oversight, Scope::Admin]] {
        let client = Client::with(&url, &desk.key(scopes)).await;
        tools.extend(client.tools().await.into_iter().map(|tool| tool.name.to_string()));
    }
    let apart: BTreeSet<&str> = FOR_NO_AGENT.iter().flat_map(|(_, calls)| calls.iter().copied()).collect();
    let calls: BTreeSet<&str> = all().iter().map(|operation| operation.id).collect();
    for call in &calls {
        let named = BY_ANOTHER_NAME.iter().find(|(of, _)| of == call).map_or(*call, |(_, tool)| tool);
        assert_ne!(tools.contains(named), apart.contains(call), "{call}: give it a tool, or say in FOR_NO_AGENT why it has none");
    }
    for call in BY_ANOTHER_NAME.iter().map(|(call, _)| call).chain(&apart) {
        assert!(calls.contains(call), "there is no call {call}");
    }
}

#[actix_web::test]
async fn agents_change_what_campaigns_rest_on() {
    let desk = Desk::new().await;
    let agent = Client::with(&serve(&desk).await, &desk.agent).await;
    let (segment, _) = agent.call("create_segment", json!({"name": "Few", "tags": "few"})).await;
    let (changed, _) = agent.call("change_segment", json!({"segment_id": segment["id"], "changes": {"tags": "some"}})).await;
    assert_eq!((changed["name"].as_str(), changed["tags"].as_str()), (Some("Few"), Some("some")));
    let (campaign, _) = agent.call("create_campaign", json!({"name": "Spring", "kind": "winback", "mailbox": address(Mode::GatedSend)})).await;
    let (changed, _) = agent.call("change_campaign", json!({"campaign_id": campaign["id"], "changes": {"goal": "Come back"}})).await;
    assert_eq!(changed["goal"], "Come back");
    let (cohort, _) = agent
        .call("create_cohort", json!({"name": "Move", "tags": "api-v1", "deadline": "2027-04-30", "from_version": "v1", "to_version": "v2"}))
        .await;
    let id = json!({"cohort_id": cohort["id"]});
    let (changed, _) = agent.call("change_cohort", json!({"cohort_id": cohort["id"], "changes": {"name": "Moved"}})).await;
    assert_eq!(changed["name"], "Moved");
    assert_eq!(agent.call("list_cohort_drafts", id.clone()).await.0["drafts"], json!([]));
    assert_eq!(agent.call("cancel_cohort_drafts", id.clone()).await.0["drafts"], json!([]));
    assert_eq!(agent.call("delete_cohort", id.clone()).await.0["deleted"], true);
    assert_eq!(agent.refused("list_cohort_drafts", id).await.0["code"], "not_found");
    let steps = json!([{"subject": "Hi", "body": "To {{ email }}"}]);
    let (sequence, _) = agent.call("create_sequence", json!({"name": "Short", "mailbox": address(Mode::GatedSend), "steps": steps})).await;
    let id = json!({"sequence_id": sequence["id"]});
    agent.call("enroll_contact", json!({"sequence_id": sequence["id"], "email": "ana@example.com"})).await;
    assert_eq!(agent.call("list_enrollments", id).await.0["enrollments"][0]["state"], "active");
    let (changed, _) = agent.call("change_sequence", json!({"sequence_id": sequence["id"], "changes": {"paused": true}})).await;
    assert_eq!(changed["paused"], true);
    let again = json!({"sequence_id": sequence["id"], "changes": {"paused": false}});
    assert_eq!(agent.refused("change_sequence", again).await.0["code"], "person_required");
}
