//! Who left, by plan, by tenure and by segment.

use super::Asked;
use super::churn::list;
use super::view::{Cell, Figure, Section, Table};
use crate::domain::churn::Tenure;
use crate::domain::reason::Reason;
use crate::domain::reports::parts::{Part, PartNumbers, SegmentNumbers};
use crate::domain::reports::period::Period;
use crate::web::chart::Bars;
use crate::web::churn_query::UNKNOWN;

/// Plans that are shown; the file and the API have all.
const MOST_PLANS: usize = 30;

/// How a value of a part is called, and how the address of a list says it.
fn named(part: Part, value: &str) -> (String, String) {
    let word = if value.is_empty() { UNKNOWN } else { value };
    let said = url::form_urlencoded::byte_serialize(word.as_bytes()).collect::<String>();
    match part {
        Part::Plan => (if value.is_empty() { "Not on record".to_owned() } else { value.to_owned() }, format!("&plan={said}")),
        Part::Tenure => (value.parse::<Tenure>().map_or_else(|_| value.to_owned(), |tenure| tenure.label().to_owned()), format!("&tenure={said}")),
    }
}

/// What departures of one plan, tenure or segment have in common, as the columns after its name.
fn of_part(of: &PartNumbers, more: &str, period: Period) -> Vec<Cell> {
    let mut row = vec![
        Cell::count(of.count, list(period, more)),
        Cell::percent(of.share_percent),
        Cell::count(of.before, list(period.before(), more)),
        Cell::count(of.recovered, list(period, &format!("{more}&status=recovered"))),
        Cell::money(&of.lost).linked_if(!of.lost.is_empty(), list(period, &format!("{more}&gone=yes"))),
        main_reason(of),
    ];
    let number = |reason: &Reason| of.reasons.iter().find(|(other, _)| other == reason).map_or(0, |(_, number)| *number);
    row.extend(Reason::ALL.iter().map(|reason| Cell::count(number(reason), list(period, &format!("{more}&reason={reason}")))));
    row
}

/// The reason that most left for; in the file apart from its share.
fn main_reason(of: &PartNumbers) -> Cell {
    let values = of.main_reason().map(|(reason, percent)| [("", reason.label().to_owned()), ("%", percent.to_string())]);
    Cell::said(of.main_reason_in_words(), values.into_iter().flatten())
}

fn columns_of_part(first: &str) -> Table {
    let mut table = Table::new([first, "Left", "Share", "Before", "Came back", "Revenue lost", "Most for"]);
    table.columns.extend(Reason::ALL.iter().map(|reason| reason.label().to_owned()));
    table
}

pub(super) fn by_part(all: &[PartNumbers], part: Part, title: &'static str, column: &str, asked: &Asked) -> Section {
    let (period, most) = (asked.period, if asked.whole { usize::MAX } else { MOST_PLANS });
    let (mut table, mut bars, mut words) = (columns_of_part(column), Bars::default(), vec![]);
    if all.len() > most {
        words.push(format!("The {most} that most left with, of {}; the file and the API have all.", all.len()));
    }
    for of in all.iter().take(most) {
        let (name, more) = named(part, &of.value);
        let mut row = vec![Cell::linked(&name, list(period, &more))];
        row.extend(of_part(of, &more, period));
        table.rows.push(row);
        let share = of.share_percent.map(|share| format!("{share} %")).unwrap_or_default();
        if bars.rows.len() < APART_BARS {
            bars.rows.push((shortened(&name), of.count as f64, format!("{} ({share})", of.count)));
        }
    }
    let caption = if part == Part::Plan { "Customers who left, by plan" } else { "Customers who left, by how long they stayed" };
    Section { title, words, figure: Some(Figure::bars(caption, &bars)), table, quotes: vec![] }
}

/// Bars of one picture.
const APART_BARS: usize = 10;

/// A name that has room beside a bar.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 24 { name.to_owned() } else { name.chars().take(23).chain(['…']).collect() }
}

pub(super) fn by_segment(all: &[SegmentNumbers], period: Period) -> Section {
    let mut table = columns_of_part("Segment");
    let mut words = vec![
        "A segment has the contacts that its search finds now, and a customer may be in several, so these do not add up. They are counted once an hour."
            .to_owned(),
    ];
    for of in all {
        let more = format!("&segment={}", of.id);
        let mut row = vec![Cell::linked(&of.name, list(period, &more))];
        match of.counted_at {
            Some(_) => row.extend(of_part(&of.numbers, &more, period)),
            None => {
                row.extend(std::iter::repeat_n(Cell::none("not counted yet"), 1).chain(std::iter::repeat_n(Cell::default(), table.columns.len() - 2)))
            }
        }
        table.rows.push(row);
    }
    match all.iter().filter_map(|of| of.counted_at).min() {
        _ if all.is_empty() => words = vec!["There is no segment yet. Make one under Segments, such as all customers of one integration.".to_owned()],
        Some(oldest) => words.push(format!("Counted at {} or later.", oldest.for_people())),
        None => {}
    }
    Section { title: "By segment", words, table, ..Section::default() }
}
