//! SQL functions that both databases have.

use diesel::sql_types::{Nullable, Text};

#[diesel::declare_sql_function]
extern "SQL" {
    /// Lower case; SQLite changes ASCII letters only.
    #[sql_name = "lower"]
    fn lower(text: Text) -> Text;
    /// Lower case of what may be missing.
    #[sql_name = "lower"]
    fn lower_nullable(text: Nullable<Text>) -> Nullable<Text>;
}

/// "%words%" in lower case, with the wildcards of the words made literal by a backslash.
pub fn containing(words: &str) -> String {
    let literal = words.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{literal}%")
}
