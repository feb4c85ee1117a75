//! What an agent should do about each error.

/// One advice for each code that a call with a key can be answered.
const ADVICE: &[(&str, &str)] = &[
    ("address_invalid", "correct the address and call again. Do not guess: if you do not know it, ask the person you work for."),
    ("already_decided", "nothing is left to do for this message."),
    ("already_enrolled", "stop that enrollment first, or wait until it ends."),
    ("already_final", "nothing is left to do for this churn event. Go on with the next one."),
    ("already_sent", "do not send it again. The mail has left."),
    ("already_submitted", "do not submit it again. Wait for the decision; read_email shows it."),
    ("body_missing", "give the text in text_body, or in markdown, and call again."),
    ("body_too_large", "send less at once: a shorter text, or fewer items in a call."),
    ("body_unreadable", "send the call again."),
    ("campaign_archived", "use another campaign, or ask a person to take it out again."),
    ("claim_settled", "nothing is left to do for this claim. Read the message again to see its claims."),
    ("claims_open", "send it back with decision request_changes and name the claims."),
    ("claims_too_many", "write a shorter text, or several messages."),
    ("second_administrator_gone", "leave it to the administrators: a second one must confirm the step, or a day must pass."),
    ("code_wrong", "leave it to the administrator who has the code."),
    ("commercial_footer_missing", "do not retry. Ask an administrator to set the postal address of the mailbox."),
    ("conflict", "read the thing again, then decide whether there is anything left to do."),
    ("comparison_missing", "give the campaign variants with set_campaign_variants, or send without one."),
    ("consent_lapsed", "do not mail this person; only a new consent of theirs helps."),
    ("contact_erased", "leave this person out for good. Do not record or mail them under another address."),
    ("contact_unknown", "add the contact first, then send the event again."),
    ("content_changed", "read the message again with read_email, then call again with the content_hash you read."),
    ("conversion_taken", "nothing is left to do for this conversion."),
    ("database_busy", "wait a few seconds and call again."),
    ("delivery_open", "wait: it is still being delivered. Look at the log again later."),
    ("domain_invalid", "correct the part of the address after the @ and call again."),
    ("email_missing", "do not retry. Nobody can be mailed about this churn event: it has no address."),
    ("email_not_configured", "do not retry. A person must set up a mail server first."),
    ("enrollment_ended", "do not send the step. Go on with the next contact."),
    ("fact_exists", "use the fact that is on record: read it with get_fact. Do not propose it again."),
    ("field_configured", "leave it to whoever runs the server: its configuration says this."),
    ("field_contradicts", "give one of the two fields that are named and call again."),
    ("field_invalid", "correct the field that is named and call again."),
    ("field_unknown", "correct the field's name and call again."),
    ("findings_open", "read the findings with list_pending, look at each, and name their keys in ticked; or send the message back."),
    ("four_eyes", "leave this decision to somebody else. Do not retry."),
    ("ground_missing", "a person records a ground with the approval, or rejects the message."),
    ("header_line_break", "write the field in one line and call again."),
    ("header_reserved", "leave this header out and call again; the server sets it itself."),
    ("held_out", "leave this customer out. A person can take them out of the comparison."),
    ("host_refused", "do not retry. Set the address of the server in the client's configuration to its base URL."),
    ("html_too_deep", "send plain text, or HTML with fewer levels."),
    ("idempotency_answer_lost", "do not call again. Look at what the detail says was done."),
    ("idempotency_in_progress", "wait as Retry-After says, then call again with the same key."),
    ("idempotency_key_conflict", "give the key in one of the two places."),
    ("idempotency_key_invalid", "use 1 to 255 visible ASCII characters, such as a UUID."),
    ("idempotency_key_reused", "use a new key for a new request."),
    ("internal", "tell the person you work for, with the time. Do not retry in a loop."),
    ("json_duplicate_key", "name each field once and call again."),
    ("json_invalid", "send valid JSON."),
    ("key_in_url", "tell the person you work for: this key was seen in a URL and must be replaced. Send keys in the Authorization header."),
    ("key_invalid", "do not retry. Ask the person you work for for a key that is valid."),
    ("key_limited", "do not retry. This needs a key for all mailboxes."),
    ("letter_under_way", "leave it to whoever decides that letter. Go on with the next customer."),
    ("log_full", "wait a few seconds and call again."),
    ("mailbox_missing", "name the mailbox and call again."),
    ("mailbox_out_of_reach", "do not retry. Ask the person you work for."),
    ("mailbox_read_only", "do not retry. Use another mailbox, or ask a person."),
    ("method_not_allowed", "make the call with the method that is named."),
    ("mode_loosening", "leave the looser mode out and call again; ask for it with request_mode if you need it."),
    ("name_missing", "record the name of the contact, or leave the step to a person."),
    ("name_taken", "use the one that is there, or take another name."),
    ("no_letter", "report the click for the departure whose letter has left."),
    ("no_mode_request", "ask with request_mode first."),
    ("nobody_there", "change its tags or its segment."),
    ("not_found", "look the id up again; it may belong to a mailbox out of this key's reach."),
    ("not_inbound", "give the id of an email from the inbox."),
    ("not_read", "read the message with read_email or list_pending, then decide with its content_hash."),
    ("not_the_author", "do not retry. Only whoever wrote the message may do this."),
    ("nothing_to_correct", "nothing is left to do: nobody received what no longer holds."),
    ("offer_exists", "use the offer that is on record: read it with get_fact. Do not propose it again."),
    ("openapi_invalid", "give an OpenAPI 3 description, with openapi and paths, as a JSON object or as a string with the file, JSON or YAML."),
    ("origin_refused", "do not retry. Call from a program, not from a page."),
    ("person_required", "leave this to a person. Do not retry."),
    ("phases_over", "send a reminder, or ask a person whether the deadline moves."),
    ("placeholder_unknown", "in a step use {{ name }} and {{ email }} only; in a phase of a migration those that detail names."),
    ("provider_unreachable", "deliver it again later."),
    ("promotion_in_transactional", "leave the offer out, or send it as commercial mail without class."),
    ("rate_limited", "wait as Retry-After says, then go on more slowly."),
    ("reach_missing", "do not retry. Ask the person you work for."),
    ("reason_missing", "say why in reason and call again."),
    ("recipient_suppressed", "do not mail this person, from any mailbox or under another address. Go on with the next one."),
    ("referral_cooldown", "wait until the time that detail names, and do not ask them in another way."),
    ("referral_disclosure_missing", "say near the link what both sides get, in the text and in the HTML, and call again."),
    ("referral_limit", "leave this person alone. Go on with the next one of list_referral_candidates."),
    ("reminded_lately", "wait, or write to single people."),
    ("role_missing", "do not retry. Ask an administrator."),
    ("round_under_way", "wait until it is done: get_cohort_board, get_campaign_drafts or list_segment_enrollments shows it."),
    ("second_admin_required", "leave it to another administrator."),
    ("scope_missing", "do not retry. Tell the person you work for which scope is missing."),
    ("search_too_long", "search for fewer words."),
    ("segment_in_use", "leave the segment as it is, or change what uses it first."),
    ("segment_missing", "give the campaign a segment first."),
    ("self_referral", "do not count it. There is nothing else to do."),
    ("sequence_archived", "use another sequence, or ask a person to take it out again."),
    ("sequence_changed", "read it again and put your change into its steps as they are now."),
    ("sequence_complete", "nothing is left to do for this contact."),
    ("sequence_paused", "do not retry. Ask a person to let it go on."),
    ("state_conflict", "do not retry as it is: read it first to see its state."),
    ("step_not_due", "wait until list_due_steps names this contact."),
    ("stop_tag", "do not enroll this contact: a tag of theirs ends this sequence."),
    ("storage_full", "tell the person you work for: the server has no room left. Nothing was accepted."),
    ("subject_misleading", "leave \"Re:\" or \"Fwd:\" out of the subject, or answer with reply_email."),
    ("suppression_kept", "do not retry. Only the recipient can undo an unsubscribe."),
    ("template_archived", "use another template, or ask a person to take it out again."),
    ("template_failed", "do not retry. Write another version of the template."),
    ("template_full", "make another template."),
    ("template_invalid", "write only names and conditions between braces, and declare each variable."),
    ("template_value_missing", "give it in values, or add what is missing to the contact's record."),
    ("text_control_char", "remove the character that is named and call again."),
    ("too_late", "do not retry. It has left or is settled; read_email shows what became of it."),
    ("too_many_rules", "do not retry. A rule must be ended or deleted first."),
    ("too_many_webhooks", "do not retry. A webhook must be removed first."),
    ("url_not_allowed", "do not retry. Use an https address on the public internet, or ask an administrator to allow this one."),
    ("url_unresolved", "correct the host name and call again."),
    ("variants_missing", "look at the state of the event with get_churn_event and at its variants with list_variants."),
    ("webhook_disabled", "switch the webhook on first."),
    ("webhook_secret_missing", "make a new secret, give it to the receiver, then switch the webhook on."),
    ("webhook_signature", "do not retry. The secret here and at the sender differ."),
    ("webhook_stale", "correct the clock of the sender and send it again."),
];

/// What to do about an error with this code.
pub(super) fn advice(code: &str) -> &'static str {
    let known = ADVICE.iter().find(|(known, _)| *known == code);
    known.map_or("do not retry in a loop. Read the detail, and tell the person you work for if it does not help.", |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The table of the documentation is held against the sources in `tests/it/error_codes.rs`.
    #[test]
    fn each_documented_code_has_an_advice_and_no_other() {
        let documented: BTreeSet<&str> = include_str!("../../docs/API.md")
            .lines()
            .skip_while(|line| !line.starts_with("## Errors"))
            .skip(1)
            .take_while(|line| !line.starts_with('#'))
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(code, _)| code)
            .collect();
        let advised: BTreeSet<&str> = ADVICE.iter().map(|(code, _)| *code).collect();
        assert_eq!(advised.len(), ADVICE.len(), "no code twice");
        assert_eq!(advised, documented);
        for (code, words) in ADVICE {
            assert!(words.ends_with('.') && words.len() > 15, "{code}: {words}");
        }
    }
}
