//! What a number of a report leads to: exactly the rows that it counts. And its file: values, where the page has words.

use actix_http::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};

use crate::support::{Browser, Desk, PASSWORD, sql};

const REPORTS: [&str; 9] = ["reasons", "recovered", "strategies", "campaigns", "migrations", "sequences", "referrals", "deliverability", "desk"];

/// Rows of a page are what begins like this.
fn row_of(path: &str) -> &'static str {
    match path.split('?').next().unwrap() {
        "/messages" => "data-message=\"",
        "/churn" => "<tr><td><a href=\"/churn/",
        "/customers" => "<tr><td><a href=\"/customers/",
        "/audit" => "<tr><td data-label=\"When\"",
        rows if rows.starts_with("/reports/") && rows.ends_with("/rows") => "<tr><td><a href=\"",
        other => panic!("{other} lists no rows"),
    }
}

/// How many rows are behind an address, on all of its pages.
async fn rows_behind<S, B>(browser: &mut Browser<S>, path: &str) -> usize
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let (mut rows, mut next) = (0, Some(path.to_owned()));
    while let Some(path) = next {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        rows += page.body.matches(row_of(&path)).count();
        let link = page.body.split("<a ").find(|link| link.split('>').next().unwrap().contains("rel=\"next\""));
        let address = link.and_then(|link| Some(link.split_once("href=\"")?.1.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&")));
        next = address.map(|address| if address.starts_with('?') { format!("{}{address}", path.split('?').next().unwrap()) } else { address });
    }
    rows
}

/// The links of a page whose words are these, with the words.
fn links(body: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let link = |text: &str| {
        let (address, rest) = text.split_once("\">")?;
        let words = rest.split("</a>").next()?;
        wanted(words).then(|| (address.replace("&#38;", "&").replace("&amp;", "&"), words.to_owned()))
    };
    body.split("<a href=\"").skip(1).filter_map(link).collect()
}

async fn demo() -> Desk {
    let desk = Desk::new().await;
    let now = desk.now();
    desk.write(|conn| countersign::cli::demo::fill_samples(conn, PASSWORD, now)).unwrap();
    desk
}

#[actix_web::test]
async fn every_number_of_every_report_leads_to_exactly_its_rows() {
    let desk = demo().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let is_number = |words: &str| !words.is_empty() && words.bytes().all(|byte| byte.is_ascii_digit());
    for report in REPORTS {
        let body = ada.get(&format!("/reports/{report}")).await.body;
        let all = links(&body, is_number);
        assert!(all.len() >= 3, "{report} has numbers with links: {all:?}");
        let mut seen = std::collections::BTreeSet::new();
        for (path, number) in all {
            if seen.insert((path.clone(), number.clone())) {
                assert_eq!(rows_behind(&mut ada, &path).await.to_string(), number, "{report}: {path}");
            }
        }
        for (path, words) in links(&body, |words| words.starts_with(['$', '€', '£'])) {
            assert!(words == "$0" || rows_behind(&mut ada, &path).await > 0, "{report}: {words} at {path}");
        }
    }
}

/// The lines of a file, without quotes around cells.
fn lines(file: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
    reader.records().map(|line| line.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[actix_web::test]
async fn the_files_of_every_report_hold_values_and_no_words_for_them() {
    let desk = demo().await;
    let mut ada = Browser::new(desk.app().await);
    ada.sign_in("ada").await;
    let written = ["In their words", "Reason for rejecting", "What it means"];
    let mut units = std::collections::BTreeSet::new();
    for report in REPORTS {
        let mut tables = 0;
        for table in 1.. {
            let file = ada.get(&format!("/reports/{report}/table.csv?table={table}")).await;
            if file.status == 404 {
                break;
            }
            tables += 1;
            let lines = lines(&file.body);
            let heads = &lines[0];
            assert_eq!(heads.iter().collect::<std::collections::BTreeSet<_>>().len(), heads.len(), "{report} {table}: each heading once: {heads:?}");
            for (head, cell) in lines[1..].iter().flat_map(|line| heads.iter().zip(line)) {
                if written.contains(&head.as_str()) {
                    continue;
                }
                let unit = head.strip_suffix(')').and_then(|head| head.rsplit_once(" (")).map(|(_, unit)| unit);
                let is_value = unit.is_none() || cell.is_empty() || cell.parse::<f64>().is_ok();
                assert!(is_value, "{report} {table}: {head} is {cell:?}");
                for word in [" %", "$", "€", "£", " + ", "too few", "not counted", "not measured", "nothing", "not enough"] {
                    assert!(head == "Verdict" || !cell.contains(word), "{report} {table}: {head} is {cell:?}");
                }
                if matches!(head.as_str(), "From" | "Until" | "At the end of" | "Left on") {
                    assert!(cell.parse::<jiff::civil::Date>().is_ok(), "{report} {table}: {head} is {cell:?}");
                }
                units.extend(unit.map(str::to_owned));
            }
        }
        assert!(tables > 0, "{report} has files");
    }
    for unit in ["USD", "%", "median, s", "from, %"] {
        assert!(units.contains(unit), "{unit} in {units:?}");
    }
}

#[actix_web::test]
async fn amounts_of_several_currencies_are_columns_of_their_own() {
    let desk = Desk::new().await;
    for (n, (mrr, currency)) in [(20_250, "eur"), (5, "gbp"), (900, "jpy")].into_iter().enumerate() {
        let event =
            serde_json::json!({"customer_email": format!("c{n}@example.com"), "cancel_reason": "other", "mrr_cents": mrr, "currency": currency});
        assert_eq!(desk.call(&desk.agent, "POST", "/api/v1/churn-events", event).await.0, 201);
    }
    sql(&desk, "UPDATE churn_events SET plan_name = 'Pro' WHERE currency = 'GBP'");
    let mut max = Browser::new(desk.app().await);
    max.sign_in("max").await;
    let file = max.get("/reports/reasons/table.csv?table=1").await.body;
    assert!(
        file.starts_with(
            "Reason,Left,Share (%),Before,Came back,Revenue lost (EUR),Revenue lost (GBP),Revenue lost (JPY),Revenue won back\r\nOther or unknown,3,100,0,0,202.50,0.05,900,\r\n"
        ),
        "{file}"
    );
}
