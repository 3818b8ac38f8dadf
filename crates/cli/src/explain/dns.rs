//! A DNS message in a few words, the same in every language: it is data, as a segment's flags are.

use hickory_proto::op::{Message, MessageType};

/// The message in words: `query 4660: A danja.`, `answer 4660: danja. A 10.0.2.2`. `None` if the
/// bytes are no DNS message.
pub(crate) fn words(data: &[u8]) -> Option<String> {
    let message = Message::from_vec(data).ok()?;
    let id = message.metadata.id;
    let questions: Vec<String> = message
        .queries
        .iter()
        .map(|query| format!("{} {}", query.query_type(), query.name()))
        .collect();
    let questions = questions.join(", ");
    if message.metadata.message_type == MessageType::Query {
        return Some(format!("query {id}: {questions}"));
    }
    let truncated = if message.metadata.truncation { ", truncated" } else { "" };
    if message.answers.is_empty() {
        return Some(format!(
            "answer {id}: {questions}: {}{truncated}",
            message.metadata.response_code
        ));
    }
    let answers: Vec<String> = message
        .answers
        .iter()
        .map(|record| format!("{} {} {}", record.name, record.record_type(), record.data))
        .collect();
    Some(format!("answer {id}: {}{truncated}", answers.join(", ")))
}
