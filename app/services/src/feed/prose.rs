use crate::feed::atlas::pick;
use crate::feed::record::PlaceKind;

const CITY: [&str; 4] = [
    "* is best met on foot: start at the square in the morning and let the slope decide the rest.",
    "Travellers come to * for a night and find reasons to stay a third one.",
    "Trains arrive in * slowly, and that is the right pace for the days that follow.",
    "In * the evening begins when the shutters open again and the benches fill.",
];
const NEIGHBOURHOOD: [&str; 4] = [
    "* keeps its workshops at street level and its kitchens above them.",
    "Quiet until noon, * belongs to its cafés in the afternoon.",
    "The stairs of * are steep, the bakeries at their top forgive it.",
    "* was built in one generation and repaired in every one since.",
];
const REGION: [&str; 2] = [
    "Roads in * follow the water; most good meals lie where two of them meet.",
    "* is larger than it looks on a map, so plan one valley a day.",
];
const POINT: [&str; 5] = [
    "A * that locals send their visitors to, and then join them. In @.",
    "Small, well kept and seldom crowded: the * that gives @ its name on postcards.",
    "The last hour of the day is the best one for this * in @.",
    "Restored by volunteers over nine winters, this * is the pride of @.",
    "Bring a coat and some patience; this * in @ rewards both.",
];

/// A sentence or two on a place.
pub(crate) fn of_place(id: &str, kind: PlaceKind, name: &str) -> String {
    let form = match kind {
        PlaceKind::World => return "Everything that we know how to travel to.".to_owned(),
        PlaceKind::Continent => return format!("All countries of {name} that we cover."),
        PlaceKind::Country => {
            return format!("{name}, by region and city, with what to see in each.");
        }
        PlaceKind::Region => REGION[pick(id, REGION.len())],
        PlaceKind::City => CITY[pick(id, CITY.len())],
        PlaceKind::Neighbourhood => NEIGHBOURHOOD[pick(id, NEIGHBOURHOOD.len())],
    };
    form.replace('*', name)
}

/// A sentence or two on a point of interest.
pub(crate) fn of_point(id: &str, kind: &str, name: &str, place: &str) -> String {
    let form = POINT[pick(id, POINT.len())];
    format!("{name}. {}", form.replace('*', kind).replace('@', place))
}

/// One of several forms, the same for the same id: `*` is what it speaks of, `@` where that is.
pub(crate) fn form(id: &str, forms: &[&str], kind: &str, place: &str) -> String {
    let form = forms[pick(&format!("{id}form"), forms.len())];
    form.replace('*', kind).replace('@', place)
}
