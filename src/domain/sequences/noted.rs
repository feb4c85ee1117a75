//! What the audit log says of a sequence before and after a change.

use serde_json::{Value, json};

use crate::domain::audit;

use super::{Sequence, Step};

/// Everything but its words and its steps.
pub(super) fn switches(row: &Sequence) -> Value {
    json!({
        "archived": row.archived_at.is_some(),
        "paused": row.paused_at.is_some(),
        "automatic": row.automatic,
        "measure": row.measure,
        "shifts": row.shifts,
        "stop_tags": *row.stop_tags,
    })
}

/// Its steps before and after, with who wrote them.
pub(super) fn steps(before: &Sequence, after: &Sequence) -> Value {
    audit::changed(&shown(before, after), &shown(after, before))
}

/// A step that is the same on the other side is named by its number and subject: the log keeps for ever what it is given, and an
/// edit of one step of fifty should not keep the other words twice.
fn shown(row: &Sequence, other: &Sequence) -> Value {
    let step = |(number, step): (i32, &Step)| {
        if numbered(other).any(|same| same == (number, step)) {
            return json!({"number": number, "subject": step.subject});
        }
        let mut whole = json!(step);
        whole["number"] = json!(number);
        whole
    };
    json!({"author": row.author_name, "steps": numbered(row).map(step).collect::<Vec<Value>>()})
}

fn numbered(row: &Sequence) -> impl Iterator<Item = (i32, &Step)> {
    row.numbers().into_iter().zip(row.steps.iter())
}
