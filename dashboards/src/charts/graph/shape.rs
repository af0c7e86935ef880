//! What is not a service of ours has a form of its own: a drum, a pipe, a dashed box.

/// What a box stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum NodeKind {
    #[default]
    Service,
    Database,
    Queue,
    /// Somebody who sends us no spans.
    Outside,
}

impl NodeKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Database => "database",
            Self::Queue => "queue",
            Self::Outside => "outside",
        }
    }
}

/// The outline of a box whose upper left corner is at zero.
pub(super) fn outline(kind: NodeKind, width: f64, height: f64) -> String {
    let (w, h) = (width, height);
    match kind {
        NodeKind::Service => format!("<rect width=\"{w}\" height=\"{h}\" rx=\"6\"/>"),
        NodeKind::Outside => {
            format!("<rect width=\"{w}\" height=\"{h}\" rx=\"{:.0}\"/>", h / 2.0)
        }
        NodeKind::Database => {
            // A drum: its lid bulges a little, so that words have room.
            let b = (h / 8.0).min(5.0);
            format!(
                "<path d=\"M0 {b}C0 {l} {w} {l} {w} {b}V{f}C{w} {g} 0 {g} 0 {f}z\"/><path class=\"lid\" d=\"M0 {b}C0 {m} {w} {m} {w} {b}\"/>",
                l = -b,
                f = h - b,
                g = h + b,
                m = 2.6 * b,
            )
        }
        NodeKind::Queue => {
            // A pipe, open at its left end.
            let r = (h / 5.0).min(9.0);
            format!(
                "<path d=\"M{r} 0H{a}C{w} 0 {w} {h} {a} {h}H{r}C{n} {h} {n} 0 {r} 0z\"/><path class=\"lid\" d=\"M{r} 0C{p} 0 {p} {h} {r} {h}\"/>",
                a = w - r,
                n = -r / 3.0,
                p = r * 2.2,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_form_of_its_own() {
        let all = [
            NodeKind::Service,
            NodeKind::Database,
            NodeKind::Queue,
            NodeKind::Outside,
        ];
        let forms: std::collections::BTreeSet<String> =
            all.iter().map(|kind| outline(*kind, 150.0, 24.0)).collect();
        assert_eq!(forms.len(), all.len());
    }
}
