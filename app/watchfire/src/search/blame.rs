use super::SearchError;
use crate::api::ApiError;

/// Characters of a long query that are shown before and after the place.
const AROUND: usize = 60;

/// Tells why a search failed; of a query that cannot be read, where.
pub(super) fn tell(query: &str, error: &SearchError) {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let told = causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"));
    let place = match error {
        SearchError::Api(ApiError::Refused {
            column: Some(column),
            ..
        }) => format!("\n{}", marked(query, *column)),
        _ => String::new(),
    };
    #[expect(
        clippy::print_stderr,
        reason = "the last word of a command that failed"
    )]
    {
        eprintln!("watchfire: {told}{place}");
    }
}

/// The query with a mark under its column, counted in characters from 1.
fn marked(query: &str, column: usize) -> String {
    let at = column.saturating_sub(1);
    let skipped = at.saturating_sub(AROUND);
    let shown: String = query
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .skip(skipped)
        .take(2 * AROUND)
        .collect();
    format!("  {shown}\n  {}^", " ".repeat(at - skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_its_column() {
        assert_eq!(marked("a:(b", 5), "  a:(b\n      ^");
        assert_eq!(marked("", 1), "  \n  ^");
        let long = format!("{}(", "x".repeat(500));
        let text = marked(&long, 501);
        let (shown, mark) = text.split_once('\n').unwrap();
        assert_eq!(shown.find('('), mark.find('^'), "{text}");
        assert!(shown.len() < 130);
    }
}
