//! Whether a message asks somebody to recommend: by its tags, by its campaign, or because a link to recommend with stands in its
//! words. It is kept with the message, so that the limits hold whoever wrote it and however it came in.

use diesel::prelude::*;

use crate::db::Conn;
use crate::domain::campaigns;
use crate::domain::error::Result;
use crate::domain::ids::MessageId;
use crate::domain::messages::content::Content;
use crate::domain::settings;

use super::fatigue::Prompt;
use super::queries;

/// What a message shows of itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Signs<'a> {
    /// Its tags.
    pub tags: &'a [String],
    /// Its campaign.
    pub campaign: Option<&'a str>,
    /// Its words.
    pub content: &'a Content,
    /// Whether it answers what somebody wrote: then a link in it is an answer.
    pub answers: bool,
}

/// What a message wants of whoever gets it.
pub(in crate::domain) fn of(conn: &mut Conn, signs: &Signs<'_>) -> Result<Option<Prompt>> {
    if let Some(prompt) = Prompt::of_tags(signs.tags.iter().map(String::as_str)) {
        return Ok(Some(prompt));
    }
    if signs.answers {
        return Ok(None);
    }
    if let Some(campaign) = signs.campaign
        && campaigns::kind_of(conn, campaign)? == Some(campaigns::Kind::Referral)
    {
        return Ok(Some(Prompt::Ask));
    }
    let link = format!("{}/r/", settings::base_url(conn)?).to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&link);
    let found = holds(&signs.content.text_body) || signs.content.html_body.as_deref().is_some_and(holds);
    Ok(found.then_some(Prompt::Ask))
}

/// What a message was found to want.
pub(in crate::domain) fn of_message(conn: &mut Conn, id: &MessageId) -> Result<Option<Prompt>> {
    Ok(queries::prompts_of(conn, std::slice::from_ref(id))?.pop().map(|(_, prompt)| prompt))
}

/// The same for many.
pub(in crate::domain) fn of_messages(conn: &mut Conn, ids: &[MessageId]) -> QueryResult<Vec<(MessageId, Prompt)>> {
    queries::prompts_of(conn, ids)
}

/// Keeps what a message wants.
pub(in crate::domain) fn keep(conn: &mut Conn, id: &MessageId, prompt: Option<Prompt>) -> Result<()> {
    Ok(queries::set_prompt(conn, id, prompt)?)
}
