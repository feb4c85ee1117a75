"""The reference client of the protocol against /mcp and against `countersign mcp`: every tool, resource and prompt."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import httpx2
from jsonschema import Draft202012Validator
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from desk import BINARY, Checks, demo

check = Checks()


def mailbox(found, mode):
    return next(one["address"] for one in found["mailboxes"] if one["mode"] == mode)


def first(answer, name):
    return answer[name][0]


class Story:
    """Calls in the order in which one needs what another has answered. `found` is what the demo printed."""

    def __init__(self, found, who):
        self.found, self.n, self.kept = found, who, {}
        self.gated = mailbox(found, "gated_send")

    def steps(self):
        """Tool, key, arguments, and the code of the error it must answer, if one."""
        kept, gated, who = self.kept, self.gated, self.n
        letter = {"mailbox": gated, "to": f"{who}@example.com", "subject": "Your export", "text_body": "Hi,\n\nthe export is there.", "tags": ["win-back"]}
        yield "add_contact", "agent", {"email": f"{who}@example.com", "name": "Kim", "tags": ["client-test"]}
        kept["contact"] = kept["add_contact"]["id"]
        yield "search_contacts", "reader", {"tags": ["client-test", "-gone"]}
        check("the contact is found", any(one["id"] == kept["contact"] for one in kept["search_contacts"]["contacts"]), kept["search_contacts"])
        yield "manage_contacts", "reader", {"query": f"{who}@example.com", "mailbox": gated}
        yield "manage_contacts", "agent", {"action": "untag", "contact_id": kept["contact"], "tags": ["client-test"]}
        yield "list_topics", "reader", {}
        yield "lessen_preferences", "agent", {"contact_id": kept["contact"], "most_per_week": 2}
        yield "get_preferences", "reader", {"contact_id": kept["contact"]}
        check("the limit is kept", kept["get_preferences"]["most_per_week"] == 2, kept["get_preferences"])
        yield "record_source", "agent", {"contact_id": kept["contact"], "source": "the list of the fair", "elsewhere": True}
        yield "ask_consent", "agent", {"contact_id": kept["contact"], "mailbox": gated, "source": "Sign-up form"}
        yield "get_consents", "reader", {"contact_id": kept["contact"]}
        check("nothing is on record before they confirm", kept["get_consents"]["consents"] == [], kept["get_consents"])
        yield "add_contact", "reader", {"email": "x@example.com"}, "scope_missing"
        yield "check_claims", "agent", {"text": "Hi Kim, you save 97% with NOSUCHCODE.", "contact": kept["contact"]}
        check("a claim without a fact is found", kept["check_claims"]["unsupported"] > 0, kept["check_claims"])
        yield "send_email", "agent", {**letter, "bcc": "x@example.com"}, "field_unknown"
        yield "send_email", "agent", letter
        message = kept["send_email"]["message_id"]
        check("it is held", kept["send_email"]["status"] == "pending", kept["send_email"])
        yield "list_emails", "agent", {"status": "pending"}
        yield "read_email", "agent", {"message_id": message}
        yield "tag_email", "agent", {"message_id": message, "tags": ["mql"]}
        yield "decide_email", "agent", {"message_id": message, "decision": "approve"}, "scope_missing"
        yield "list_pending", "oversight", {"mailbox": gated, "sort": "newest", "limit": 100}
        waiting = {one["id"]: one for one in kept["list_pending"]["messages"]}
        check("the decider sees it", message in waiting, list(waiting))
        yield "decide_email", "oversight", {"message_id": message, "decision": "request_changes", "reason": "Say which export.", "content_hash": waiting[message]["content_hash"]}
        yield "edit_email", "agent", {"message_id": message, "text_body": "Hi,\n\nthe CSV file is there.", "content_hash": waiting[message]["content_hash"]}
        yield "decide_emails", "oversight", {"decisions": [{"id": message, "content_hash": kept["edit_email"]["content_hash"], "decision": "reject", "reason": "Not now."}]}
        check("a batch decides", kept["decide_emails"]["results"][0]["ok"] is True, kept["decide_emails"])
        yield "send_email", "agent", {**letter, "subject": "Once more"}
        yield "cancel_email", "agent", {"message_id": kept["send_email"]["message_id"]}
        yield "send_email", "agent", {**letter, "subject": "Your price", "text_body": "Hi,\n\nyou pay $97.13 a month."}
        priced = kept["send_email"]["message_id"]
        yield "list_pending", "oversight", {"mailbox": gated, "sort": "newest", "limit": 100}
        held = next(one for one in kept["list_pending"]["messages"] if one["id"] == priced)
        open_claim = next(claim for claim in held["claims"] if claim["open"])
        yield "waive_claim", "oversight", {"message_id": priced, "key": open_claim["key"], "reason": "Agreed on the phone."}

        yield "create_churn_event", "agent", {"customer_email": f"{who}@example.com", "cancel_reason": "too_expensive", "cancel_reason_text": "Too much for us."}
        event = kept["create_churn_event"]["id"]
        yield "get_churn_event", "reader", {"churn_event_id": event}
        yield "list_churn_events", "reader", {"status": "new", "limit": 5}
        yield "generate_variants", "agent", {"churn_event_id": event}
        yield "list_variants", "reader", {"churn_event_id": event}
        check("nine are drafted", len(kept["list_variants"]["variants"]) == 9)
        yield "send_variant", "agent", {"churn_event_id": event, "variant_id": first(kept["list_variants"], "variants")["id"]}
        kept["event"] = event

        yield "check_inbox", "reader", {"mailbox": gated, "limit": 5}
        email = first(kept["check_inbox"], "emails")
        yield "read_email", "reader", {"message_id": email["id"]}
        yield "get_thread", "reader", {"thread_id": email["thread_id"]}
        yield "get_thread", "reader", {"thread_id": "none"}, "not_found"
        yield "get_vigilance", "oversight", {"days": 30}
        yield "get_demand", "reader", {"order": "customers"}

        yield "propose_fact", "agent", {"kind": "company_fact", "name": f"Fact of {who}", "value": "8 people", "source": "the website"}
        fact = kept["propose_fact"]["id"]
        yield "propose_fact", "agent", {"kind": "company_fact", "name": f"Fact of {who}", "value": "8 people", "source": "the website"}, "fact_exists"
        yield "list_facts", "reader", {"kind": "company_fact"}
        yield "get_fact", "reader", {"id": fact}
        yield "accept_fact", "admin", {"id": fact}
        yield "change_fact", "admin", {"id": fact, "value": "9 people", "source": "the website"}
        yield "get_recall", "reader", {"id": fact}
        yield "send_corrections", "agent", {"id": fact, "subject": "A correction", "text": "It changed."}, "nothing_to_correct"
        yield "revoke_fact", "admin", {"id": fact, "reason": "Nobody counts."}

        yield from self.programs()

    def programs(self):
        """The rest of the product: mailboxes, reports, campaigns, sequences, referrals, usage."""
        kept, gated, who = self.kept, self.gated, self.n
        email, absent = f"{who}@example.com", "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"
        yield "describe_key", "reader", {}
        yield "list_mailboxes", "reader", {}
        yield "get_mailbox", "reader", {"mailbox": gated}
        yield "tighten_mode", "admin", {"mailbox": gated, "mode": "autonomous"}, "mode_loosening"
        yield "tighten_mode", "admin", {"mailbox": gated, "mode": "gated_send"}
        yield "get_delivery", "reader", {"mailbox": gated}
        yield "limit_delivery", "admin", {"mailbox": gated, "bounce_limit": 100000}, "mode_loosening"
        yield "limit_delivery", "admin", {"mailbox": gated, "per_minute": 600}
        yield "get_sending_rules", "reader", {}
        yield "tighten_sending_rules", "admin", {"lapse_months": 120}, "mode_loosening"
        yield "tighten_sending_rules", "admin", {"lapse_months": 23}
        yield "request_mode", "agent", {"mailbox": gated, "target_mode": "monitored", "reason": "Four quiet weeks."}
        yield "explain_contact", "reader", {"email": email, "mailbox": gated}
        yield "forecast_send", "reader", {"contacts": [email], "mailbox": gated}
        yield "list_suppressions", "reader", {}
        yield "suppress_address", "agent", {"email": f"gone-{who}@example.com"}
        yield "list_audit_log", "admin", {"limit": 5}
        yield "reply_email", "agent", {"message_id": absent, "body": "Hello."}, "not_found"
        yield "send_email", "agent", {"mailbox": gated, "to": email, "subject": "Later", "text_body": "Hi,\n\nuntil then."}
        later = kept["send_email"]["message_id"]
        yield "schedule_email", "agent", {"message_id": later, "send_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()}
        yield "wait_for_decision", "agent", {"message_id": later, "seconds": 0}
        yield "wait_for_reply", "agent", {"message_id": later, "seconds": 0}
        yield "list_attempts", "reader", {"message_id": later}
        yield "get_sending", "reader", {}
        yield "stop_sending", "oversight", {"mailbox": "nobody@example.com", "reason": "It is odd."}, "not_found"
        yield "undo_approval", "oversight", {"message_id": absent}, "not_found"
        for report in ("get_churn_stats", "get_churn_reasons", "get_departures", "get_strategies", "get_referral_return", "get_recovered_revenue", "get_message_report",
                       "get_campaign_report", "get_deliverability"):
            yield report, "reader", {}
        yield "backtest_mode", "oversight", {"mailbox": "nobody@example.com"}, "not_found"
        yield "get_overview", "reader", {}
        yield "list_matches", "reader", {"churn_event_id": kept["event"]}
        yield "correct_churn_reason", "agent", {"churn_event_id": kept["event"], "reason": "other"}
        yield "judge_match", "oversight", {"churn_event_id": kept["event"], "fact_id": absent, "accepted": True}, "not_found"
        yield "edit_variant", "agent", {"churn_event_id": kept["event"], "variant_id": absent, "subject": "Hello"}, "not_found"
        yield "mark_clicked", "agent", {"churn_event_id": kept["event"]}, "no_letter"
        yield "mark_recovered", "agent", {"churn_event_id": kept["event"]}
        yield "forecast_winback_rule", "agent", {"terms": {"mailbox": gated, "reasons": ["too_expensive"]}}
        yield "create_winback_rule", "agent", {"name": f"Rule {who}", "mailbox": gated, "enabled": False}
        rule = {"rule_id": kept["create_winback_rule"]["id"]}
        yield "list_winback_rules", "reader", {}
        yield "get_winback_rule", "reader", rule
        yield "change_winback_rule", "agent", {**rule, "terms": {"holdout": 10}}
        yield "delete_winback_rule", "agent", rule
        yield "create_segment", "agent", {"name": f"Segment {who}", "tags": "client-test"}
        yield "list_segments", "reader", {}
        yield "get_segment", "reader", {"segment_id": kept["create_segment"]["id"]}
        yield "change_segment", "agent", {"segment_id": kept["create_segment"]["id"], "changes": {"tags": "client-tests"}}
        yield "delete_segment", "agent", {"segment_id": kept["create_segment"]["id"]}
        yield "create_campaign", "agent", {"name": f"Campaign {who}", "kind": "winback"}
        yield "list_campaigns", "reader", {}
        yield "get_campaign", "reader", {"campaign_id": kept["create_campaign"]["id"]}
        halves = [{"name": "short", "share": 50}, {"name": "long", "share": 50}]
        yield "set_campaign_variants", "agent", {"campaign_id": kept["create_campaign"]["id"], "variants": halves}
        yield "assign_campaign_variant", "reader", {"campaign_id": kept["create_campaign"]["id"], "contact": email}
        place = {"name": "mail", "type": "text", "source": "contact.email"}
        words = {"subject": "News for {{ mail }}", "body": "Hello {{ mail }}.", "variables": [place]}
        yield "create_template", "agent", {"name": f"Template {who}", **words}
        template = {"template_id": kept["create_template"]["id"]}
        yield "list_templates", "reader", {}
        yield "get_template", "reader", template
        yield "add_template_version", "agent", {**template, **words, "note": "the same again"}
        yield "render_template", "reader", {**template, "contact": email}
        yield "send_template", "agent", {**template, "mailbox": gated, "to": email, "version": 2}
        campaign = {"campaign_id": kept["create_campaign"]["id"]}
        yield "draft_campaign", "agent", {**campaign, **template, "mailbox": gated}, "segment_missing"
        yield "change_template", "agent", {**template, "changes": {"archived": True}}
        yield "get_campaign_drafts", "reader", campaign
        yield "cancel_campaign_drafts", "agent", campaign
        yield "list_holidays", "reader", {}
        yield "change_campaign", "agent", {"campaign_id": kept["create_campaign"]["id"], "changes": {"goal": "Come back"}}
        yield "stop_campaign", "agent", {"campaign_id": kept["create_campaign"]["id"]}
        yield "create_cohort", "agent", {"name": f"Cohort {who}", "tags": "api-v1", "deadline": "2199-04-30", "from_version": "v1", "to_version": "v2"}
        yield "list_cohorts", "reader", {}
        yield "get_cohort_progress", "reader", {"cohort_id": kept["create_cohort"]["id"]}
        yield "list_stragglers", "reader", {"cohort_id": kept["create_cohort"]["id"]}
        yield "get_cohort_board", "reader", {"cohort_id": kept["create_cohort"]["id"]}
        yield "get_cohort_history", "reader", {"cohort_id": kept["create_cohort"]["id"]}
        file = {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": {}}
        used = {**file, "paths": {"/orders": {"get": {}}}}
        yield "compare_cohort_api", "agent", {"cohort_id": kept["create_cohort"]["id"], "old": used, "new": file}
        yield "get_cohort_api_changes", "reader", {"cohort_id": kept["create_cohort"]["id"]}
        yield "change_cohort", "agent", {"cohort_id": kept["create_cohort"]["id"], "changes": {"name": f"Moved {who}"}}
        yield "draft_cohort", "agent", {"cohort_id": kept["create_cohort"]["id"], "phase": "reminder", "mailbox": gated}
        yield "list_cohort_drafts", "reader", {"cohort_id": kept["create_cohort"]["id"]}
        yield "cancel_cohort_drafts", "agent", {"cohort_id": kept["create_cohort"]["id"]}
        yield "delete_cohort", "agent", {"cohort_id": kept["create_cohort"]["id"]}
        steps = [{"subject": "Welcome, {{ name }}", "body": "Hi {{ name }}, good to have you.", "wait_days": 0}]
        yield "create_sequence", "agent", {"name": f"Sequence {who}", "mailbox": gated, "steps": steps}
        sequence = kept["create_sequence"]["id"]
        yield "preview_sequence", "reader", {"sequence_id": sequence, "contact": email}
        yield "list_sequences", "reader", {}
        yield "get_sequence", "reader", {"sequence_id": sequence}
        yield "get_sequence_funnel", "reader", {"sequence_id": sequence}
        yield "enroll_contact", "agent", {"sequence_id": sequence, "email": email}
        yield "create_segment", "agent", {"name": f"Beginners {who}", "tags": "client-test"}
        of_segment = {"sequence_id": sequence, "segment_id": kept["create_segment"]["id"]}
        yield "forecast_enrollment", "reader", of_segment
        yield "enroll_segment", "agent", of_segment
        yield "list_segment_enrollments", "reader", {"sequence_id": sequence}
        yield "cancel_segment_enrollment", "agent", {"sequence_id": sequence}
        yield "list_due_steps", "reader", {"sequence_id": sequence}
        enrolled = {"sequence_id": sequence, "enrollment_id": kept["enroll_contact"]["id"]}
        yield "list_enrollments", "reader", {"sequence_id": sequence}
        yield "send_next_step", "agent", enrolled
        yield "stop_enrollment", "agent", enrolled
        yield "change_sequence", "agent", {"sequence_id": sequence, "changes": {"paused": True}}
        yield "record_signal", "agent", {"email": email, "kind": "nps", "value": 9}
        yield "list_signals", "reader", {"email": email}
        yield "list_referral_candidates", "reader", {}
        yield "create_referral", "admin", {"email": email, "target_url": "https://www.example.com/signup"}
        yield "get_referral_program", "reader", {}
        yield "list_referrals", "reader", {"email": email}
        yield "get_referral", "reader", {"referral_id": kept["create_referral"]["id"]}
        yield "create_holding_rule", "admin", {"name": f"Held {who}", "tags": [f"held-{who}"]}
        yield "backtest_holding_rule", "admin", {"name": f"Held {who}", "tags": [f"held-{who}"]}
        yield "list_holding_rules", "reader", {}
        yield "list_allowed_recipients", "oversight", {"mailbox": gated}
        yield "remove_allowed_recipient", "admin", {"entry_id": "01a1fea8-79dd-75d0-8f1e-caa9bc30e1d6"}, "not_found"
        yield "record_conversion", "agent", {"referral_id": kept["create_referral"]["id"], "email": f"new-{who}@example.com"}
        reward = {"referral_id": kept["create_referral"]["id"], "conversion_id": kept["record_conversion"]["conversion"]["conversion_id"]}
        yield "give_referral_reward", "agent", {**reward, "amount": 1, "unit": "months", "mailbox": gated}
        yield "remind_referrer", "agent", {"referral_id": kept["create_referral"]["id"], "reward": "a month", "mailbox": gated}, "referral_limit"
        yield "record_usage", "agent", {"events": [{"email": email, "name": "order.created", "value": 3}]}
        yield "get_usage", "reader", {"contact_id": kept["contact"]}


async def walk(found, name, connect):
    """Everything that a client can ask for, over one transport."""
    async with contextlib.AsyncExitStack() as stack:
        clients = {who: await stack.enter_async_context(connect(key)) for who, key in found["keys"].items()}
        tools = {}
        for client in clients.values():
            tools |= {tool.name: tool for tool in (await client.list_tools()).tools}
        for tool in tools.values():
            Draft202012Validator.check_schema(tool.input_schema)
            for example in tool.input_schema["examples"]:
                check(f"{name}: the example of {tool.name} fits", Draft202012Validator(tool.input_schema).is_valid(example), example)
        story, called = Story(found, name), set()
        for tool, who, arguments, *expected in story.steps():
            # The client holds a structured answer against the output schema, where there is one.
            result = await clients[who].call_tool(tool, arguments)
            answer = result.structured_content or {}
            called.add(tool)
            if expected:
                check(f"{name}: {tool} refuses with {expected[0]}", result.is_error and answer.get("code") == expected[0], answer)
                check(f"{name}: {tool} says what next", "\nNext: " in result.content[0].text, result.content[0].text)
                continue
            if not check(f"{name}: {tool} answers", not result.is_error, answer):
                break
            story.kept[tool] = answer
        check(f"{name}: every tool that is listed was called", called == set(tools), sorted(called ^ set(tools)))
        try:
            await clients["reader"].call_tool("no_such_tool", {})
            check(f"{name}: an unknown tool is refused", False)
        except MCPError as error:
            check(f"{name}: an unknown tool is refused in words", "There is no tool" in str(error), error)

        overseer, agent = clients["oversight"], clients["agent"]
        listed = (await overseer.list_resources()).resources
        uris = [str(resource.uri) for resource in listed] + [f"countersign://messages/{story.kept['send_variant']['message_id']}"]
        check(f"{name}: resources are listed", len(uris) == 5, uris)
        for uri in uris:
            contents = (await overseer.read_resource(uri)).contents
            check(f"{name}: {uri} holds something", len(contents) > 0 and len(contents[0].text) > 2, contents)
        templates = (await overseer.list_resource_templates()).resource_templates
        check(f"{name}: a template is listed", [one.uri_template for one in templates] == ["countersign://messages/{id}"], templates)
        prompts = {prompt.name for prompt in (await agent.list_prompts()).prompts}
        check(f"{name}: the prompts are known here", prompts == {"draft_win_back", "plan_migration"}, prompts)
        won = await agent.get_prompt("draft_win_back", {"churn_event_id": story.kept["event"]})
        check(f"{name}: the customer's words come last and marked", won.messages[-1].content.text.startswith("UNTRUSTED"), won.messages[-1])
        plan = await agent.get_prompt("plan_migration", {"tags": "api-v1", "deadline": "2199-04-30", "breaking_changes": "Tokens move."})
        check(f"{name}: the migration is dated", "2199-01-30" in plan.messages[1].content.text, plan.messages[1])


def over_http(found):
    @contextlib.asynccontextmanager
    async def connect(key):
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
            async with Client(streamable_http_client(f"{found['url']}/mcp", http_client=http)) as client:
                yield client

    return connect


def over_stdio(found):
    return lambda key: Client(StdioServerParameters(command=BINARY, args=["mcp"], env={"COUNTERSIGN_URL": found["url"], "COUNTERSIGN_KEY": key}))


def older_over_stdio(found):
    """As a client that knows nothing newer than the handshake."""
    return lambda key: Client(StdioServerParameters(command=BINARY, args=["mcp", "--url", found["url"]], env={"COUNTERSIGN_KEY": key}), mode="legacy")


async def at_once(found):
    async with over_stdio(found)(found["keys"]["reader"]) as client:
        answers = await asyncio.gather(*(client.call_tool("list_facts", {"limit": 1}) for _ in range(40)))
        check("forty calls at once are answered", all(not answer.is_error for answer in answers))


def main():
    with demo() as found:
        asyncio.run(walk(found, "http", over_http(found)))
        asyncio.run(walk(found, "stdio", over_stdio(found)))
        asyncio.run(walk(found, "older-stdio", older_over_stdio(found)))
        asyncio.run(at_once(found))
    check.end()


main()
