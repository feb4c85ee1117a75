//! The pages of reports: pictures with their tables, links to the rows, files, and who may see which.

use countersign::domain::mailboxes::Mode;
use countersign::domain::messages::DecisionKind;
use serde_json::json;

use crate::support::{Browser, Desk, sql};

async fn left(desk: &Desk, n: usize, reason: &str, words: &str) -> String {
    let event = json!({"customer_email": format!("c{n}@example.com"), "cancel_reason": reason, "cancel_reason_text": words, "mrr_cents": 1900, "currency": "usd"});
    let (status, event) = desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await;
    assert_eq!(status, 201, "{event}");
    event["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn why_customers_leave_is_a_picture_a_table_and_their_words_and_each_number_leads_to_its_rows() {
    let desk = Desk::new().await;
    for (n, reason) in ["too_expensive", "too_expensive", "missing_features"].into_iter().enumerate() {
        left(&desk, n, reason, "<b>dear</b> & \"dull\"").await;
    }
    let old = left(&desk, 9, "other", "long ago").await;
    sql(&desk, &format!("UPDATE churn_events SET churned_at = {} WHERE id = '{old}'", desk.now().plus_days(-40).micros()));
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    let (today, from) = (desk.now().date(), desk.now().plus_days(-29).date());
    let page = rita.get(&format!("/reports?from={from}&until={today}")).await;
    assert_eq!(page.status, 200);
    for wanted in [
        "Why customers leave",
        "2 more than the 1 in the period before",
        "class=\"part-1\"",
        "2 (66.7 %)",
        "$57",
        "&#60;b&#62;dear&#60;/b&#62; &#38; &#34;dull&#34;",
        "The numbers are in the table.",
        "table.csv",
    ] {
        assert!(page.body.contains(wanted), "{wanted} in {}", page.body);
    }
    assert!(!page.body.contains("long ago") && !page.body.contains("<b>dear"), "{}", page.body);
    let link = format!("/churn?from={from}&#38;until={today}&#38;reason=too_expensive");
    assert!(page.body.contains(&format!("<a href=\"{link}\">2</a>")), "{}", page.body);
    let rows = rita.get(&link.replace("&#38;", "&")).await.body;
    assert!(rows.contains("c0@example.com") && rows.contains("c1@example.com") && !rows.contains("c2@example.com"), "{rows}");
    let earlier = rita.get(&format!("/churn?until={}", desk.now().plus_days(-30).date())).await.body;
    assert!(earlier.contains("c9@example.com") && !earlier.contains("c0@example.com"), "{earlier}");

    let file = rita.get(&format!("/reports/reasons/table.csv?from={from}&until={today}&table=1")).await;
    assert_eq!(file.status, 200);
    assert!(
        file.body.starts_with("Reason,Left,Share (%),Before,Came back,Revenue lost (USD),Revenue won back\r\nToo expensive,2,66.7,0,0,38.00,\r\n"),
        "{}",
        file.body
    );
    let words = rita.get(&format!("/reports/reasons/table.csv?from={from}&until={today}&table=6")).await;
    assert!(words.body.contains("\"<b>dear</b> & \"\"dull\"\"\""), "{}", words.body);
    assert_eq!(rita.get("/reports/reasons/table.csv?table=9").await.status, 404);
    assert_eq!(rita.get("/reports?from=nonsense").await.status, 422);
}

#[actix_web::test]
async fn every_report_is_a_page_with_and_without_rows() {
    let desk = Desk::new().await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    for word in ["reasons", "recovered", "strategies", "campaigns", "deliverability", "desk"] {
        let page = max.get(&format!("/reports/{word}")).await;
        assert!(page.status == 200 && page.body.contains("Nothing to report"), "{word}: {} {}", page.status, page.body);
    }
    let first = left(&desk, 1, "other", "").await;
    desk.call(&desk.agent, "POST", &format!("/api/v1/churn-events/{first}/recovered"), json!({})).await;
    let held = desk.pending("a@example.com", json!({"campaign": "spring & summer"})).await;
    desk.decide("Rita", &held, DecisionKind::Approve).unwrap();
    desk.drain().await;
    let refused = desk.pending("b@example.com", json!({"campaign": "spring & summer"})).await;
    desk.decide("Rita", &refused, DecisionKind::Reject).unwrap();
    desk.pending("c@example.com", json!({"campaign": "spring & summer"})).await;
    for (word, wanted) in [
        ("recovered", "Too few to compare"),
        ("campaigns", "/messages?campaign=spring+%26+summer&#38;way=waiting&#38;from="),
        ("deliverability", "too few for a rate: under 1000 sent"),
        ("desk", "too few for a median"),
        ("desk", "<blockquote class=\"quote\">because<footer>"),
    ] {
        let page = max.get(&format!("/reports/{word}")).await;
        assert!(page.status == 200 && page.body.contains(wanted), "{word}: {}", page.body);
    }
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert_eq!(rita.get("/reports/desk").await.status, 403);
    assert_eq!(rita.get("/reports/desk/table.csv").await.status, 403);
    assert!(!rita.get("/reports").await.body.contains("/reports/desk"), "no link to what is not for reviewers");
}

#[actix_web::test]
async fn the_demo_has_something_in_each_report_and_every_count_is_confirmed() {
    let desk = Desk::new().await;
    let now = desk.now();
    desk.write(|conn| countersign::cli::demo::fill_samples(conn, crate::support::PASSWORD, now)).unwrap();
    let found = desk.read(countersign::domain::outbox::verify::verify);
    assert_eq!(found.reports.iter().map(|wrong| &wrong.of).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(found.exceptions.is_empty(), "{:?}", found.exceptions);
    assert!(desk.catcher.messages().is_empty(), "no mail of the past is delivered");
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    for (report, wanted) in [
        ("reasons", "Too expensive"),
        ("recovered", "After a letter"),
        ("strategies", "Discount"),
        ("campaigns", "win-back"),
        ("migrations", "API v1 sunset"),
        ("sequences", "stopped by hand 1"),
        ("referrals", "Sign-ups"),
        ("deliverability", "winback@harbourline.test"),
        ("desk", "9 in 10 messages waited no longer than"),
    ] {
        let page = ada.get(&format!("/reports/{report}")).await;
        assert!(page.status == 200 && page.body.contains(wanted) && page.body.contains("<svg"), "{report}: {}", page.body);
    }
}

#[actix_web::test]
async fn a_file_has_the_rows_that_are_too_many_for_a_page() {
    let desk = Desk::new().await;
    let today = desk.now().micros() / 86_400_000_000;
    let mailbox = desk.mailbox(Mode::GatedSend).id;
    let numbers = |last: i64| format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})");
    sql(
        &desk,
        &format!(
            "INSERT INTO message_day_moves (day, mailbox_id, campaign, state, held, edited, number) {} \
             SELECT {today}, '{mailbox}', 'campaign ' || n, 'sent', FALSE, FALSE, n FROM numbers",
            numbers(230)
        ),
    );
    sql(
        &desk,
        &format!(
            "INSERT INTO churn_part_moves (part, day, value, reason, outcome, currency, number, minor) {} \
             SELECT 'plan', {today}, 'plan ' || n, 'other', 'open', 'USD', n, 0 FROM numbers",
            numbers(45)
        ),
    );
    left(&desk, 1, "other", "").await;
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    for (report, table, name, rows, shown) in [("campaigns", 1, "campaign ", 230, 200), ("reasons", 3, "plan ", 45, 30)] {
        let page = max.get(&format!("/reports/{report}")).await.body;
        assert!(page.contains(&format!("The {shown} ")) && page.contains("the file and the API have all"), "{report}: {page}");
        let file = max.get(&format!("/reports/{report}/table.csv?table={table}")).await.body;
        let mut named: Vec<&str> = file.lines().skip(1).filter_map(|line| line.split(',').next()).filter(|first| first.starts_with(name)).collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), rows, "{report}: {file}");
        assert!(!file.contains("the API"), "{report}");
    }
}
