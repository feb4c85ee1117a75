//! Messages: the queue and the lists, the review page, decisions.

pub(super) mod decisions;
pub(super) mod queue;
pub(super) mod review;

use super::form::Form;
use super::list_query::ListQuery;
use crate::domain::ids::MessageId;
use crate::domain::messages::content::Words;

pub(super) use review::framed;

/// The words that an edit form posts.
pub(super) fn words_of(form: &Form) -> Words {
    Words { subject: form.get("subject").to_owned(), text: Some(form.get("text").to_owned()), html: form.some("html").map(str::to_owned) }
}

/// The page of a message, opened from a list.
fn page_of(id: &MessageId, list: &ListQuery) -> String {
    match list.to_query() {
        query if query.is_empty() => format!("/messages/{id}"),
        query => format!("/messages/{id}?{query}"),
    }
}

/// The list that a form on a message's page carries along.
fn list_of(form: &Form) -> ListQuery {
    ListQuery::parse(form.get("list"))
}
