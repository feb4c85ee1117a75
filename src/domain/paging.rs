//! Pages of lists that are walked by the id of their last row.

/// Rows, and whether there are more behind them.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether a page follows.
    pub more: bool,
}

impl<T> Page<T> {
    /// A page of `limit` rows, from a query that asked for one more.
    pub fn cut(mut rows: Vec<T>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        Page { rows, more }
    }

    /// The same page with each row made into something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(change).collect(), more: self.more }
    }
}

/// What a query asks for to see whether there is another page.
pub(in crate::domain) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(100).saturating_add(1)
}
