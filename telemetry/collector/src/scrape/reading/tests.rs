use watchfire_schemas::ExpositionFormat;

use super::*;
use crate::ScrapeConfig;
use crate::hand_over::STALE;

const AT: i64 = 1_795_327_200_000;

/// A target that is scraped again and again with the settings of a job.
struct Scene {
    memory: TargetMemory,
    config: ReadingConfig,
    at: i64,
}

impl Scene {
    fn new(settings: &str) -> Self {
        let text = format!("scrape_configs:\n- job_name: j\n{settings}\n");
        let config = ScrapeConfig::parse("p.yml", &text).unwrap();
        Self {
            memory: TargetMemory::default(),
            config: config.jobs[0].reading.clone(),
            at: AT,
        }
    }

    /// The samples, `stale` for an end; what was counted; what went wrong.
    fn scrape(&mut self, text: &str) -> (Vec<String>, [u64; 3], String) {
        self.at += 1000;
        let exposed = Exposed {
            text: text.to_owned(),
            format: ExpositionFormat::Text,
        };
        let target = LabelSet::new([("job", "j"), ("instance", "i")]);
        let at = Timestamp::from_millis(self.at);
        let (read, failure) = self.memory.read(&exposed, at, &target, &self.config);
        let mut told: Vec<String> = read.series.iter().map(|one| self.told(one)).collect();
        told.sort();
        let counts = [read.samples_scraped, read.samples_kept, read.series_added];
        (
            told,
            counts,
            failure.map(|failure| failure.text).unwrap_or_default(),
        )
    }

    fn told(&self, series: &SeriesSamples) -> String {
        let Sample { t, v } = series.samples[0];
        let value = if v.to_bits() == STALE.to_bits() {
            "stale".to_owned()
        } else {
            v.to_string()
        };
        let labels = series.labels.without("job").without("instance");
        match t - self.at {
            0 => format!("{labels} {value}"),
            apart => format!("{labels} {value} @{apart}"),
        }
    }

    fn check(&mut self, text: &str, samples: &[&str], counts: [u64; 3]) {
        let expected: Vec<String> = samples.iter().map(ToString::to_string).collect();
        assert_eq!(
            self.scrape(text),
            (expected, counts, String::new()),
            "{text}"
        );
    }
}

#[test]
fn series_come_and_go() {
    let mut scene = Scene::new("");
    scene.check("a 1\nb{x=\"y\"} 2\n", &["a 1", "b{x=\"y\"} 2"], [2, 2, 2]);
    scene.check("a 3\n", &["a 3", "b{x=\"y\"} stale"], [1, 1, 0]);
    scene.check("a 3\nb{x=\"y\"} 2\n", &["a 3", "b{x=\"y\"} 2"], [2, 2, 1]);
    scene.check("", &["a stale", "b{x=\"y\"} stale"], [0, 0, 0]);
}

#[test]
fn a_body_that_is_none_ends_all_series() {
    let mut scene = Scene::new("");
    scene.check("a 1\n", &["a 1"], [1, 1, 1]);
    let (samples, counts, error) = scene.scrape("a 2\nb 3\nc\n");
    assert_eq!((samples, counts), (vec!["a stale".to_owned()], [2, 2, 1]));
    assert_eq!(error, "line 3, column 2: a sample without a value");
    // What was learnt is not new when it comes back.
    scene.check("a 2\nb 3\n", &["a 2", "b 3"], [2, 2, 0]);
}

#[test]
fn the_first_sample_of_a_series_counts() {
    let mut scene = Scene::new("  metric_relabel_configs: [{action: labeldrop, regex: x}]");
    scene.check(
        "a{x=\"1\"} 1\na{x=\"2\"} 2\na{x=\"1\"} 3\n",
        &["a 1"],
        [3, 3, 1],
    );
    scene.check("a{x=\"2\"} 2\n", &["a 2"], [1, 1, 0]);
}

#[test]
fn relabelling_drops_and_renames() {
    let mut scene = Scene::new(
        "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: 'go_.*', action: drop}\n  - {source_labels: [__name__], regex: 'old_(.*)', target_label: __name__, replacement: 'new_$1'}",
    );
    scene.check("go_x 1\nold_y 2\n", &["new_y 2"], [2, 1, 1]);
    scene.check("go_x 1\n", &["new_y stale"], [1, 0, 0]);
    let mut scene =
        Scene::new("  metric_relabel_configs: [{target_label: __name__, replacement: ''}]");
    let (samples, _, error) = scene.scrape("a 1\n");
    assert!(
        samples.is_empty() && error.starts_with("relabelling left no name"),
        "{error}"
    );
}

#[test]
fn labels_of_the_target_win_unless_the_others_are_honoured() {
    let text = "a{job=\"x\",exported_job=\"y\",instance=\"\"} 1\n";
    let labels = |settings: &str| {
        let mut memory = TargetMemory::default();
        let scene = Scene::new(settings);
        let exposed = Exposed {
            text: text.to_owned(),
            format: ExpositionFormat::Text,
        };
        let target = LabelSet::new([("job", "j"), ("instance", "i")]);
        let (read, _) = memory.read(&exposed, Timestamp::from_millis(AT), &target, &scene.config);
        read.series[0].labels.to_string()
    };
    assert_eq!(
        labels(""),
        r#"a{exported_exported_job="x", exported_job="y", instance="i", job="j"}"#
    );
    assert_eq!(
        labels("  honor_labels: true"),
        r#"a{exported_job="y", job="x"}"#
    );
}

#[test]
fn times_of_their_own_are_honoured_and_end_nothing() {
    let text = format!("a 1 {}\nb 2\nc 3 {}\n", AT - 5000, AT + 3_600_000);
    let mut scene = Scene::new("");
    scene.check(&text, &["a 1 @-6000", "b 2"], [3, 3, 2]);
    scene.check("", &["b stale"], [0, 0, 0]);
    let mut scene = Scene::new("  honor_timestamps: false");
    scene.check(&text, &["a 1", "b 2", "c 3"], [3, 3, 3]);
    let mut scene = Scene::new("  track_timestamps_staleness: true");
    scene.check(&text, &["a 1 @-6000", "b 2"], [3, 3, 2]);
    scene.check("b 2\n", &["a stale", "b 2"], [1, 1, 0]);
}

#[test]
fn limits_refuse_the_whole_scrape() {
    let mut scene = Scene::new(
        "  sample_limit: 2\n  metric_relabel_configs: [{source_labels: [__name__], regex: d, action: drop}]",
    );
    scene.check("a 1\nb 1\nd 1\n", &["a 1", "b 1"], [3, 2, 2]);
    let (samples, counts, error) = scene.scrape("a 1\nb 1\nc 1\nd 1\n");
    assert_eq!(
        (samples, counts),
        (vec!["a stale".to_owned(), "b stale".to_owned()], [4, 3, 0])
    );
    assert_eq!(error, "3 samples, 2 may be");
    let mut scene = Scene::new("  label_value_length_limit: 3");
    let (samples, _, error) = scene.scrape("a{b=\"long\"} 1\n");
    assert!(
        samples.is_empty() && error.starts_with("label_value_length_limit"),
        "{error}"
    );
}

#[test]
fn kinds_and_exemplars_come_with_their_series() {
    let mut memory = TargetMemory::default();
    let text = "# TYPE h histogram\n# HELP h Helps.\nh_bucket{le=\"+Inf\"} 1 # {x=\"y\"} 0.5\nh_count 1\n# EOF\n";
    let exposed = Exposed {
        text: text.to_owned(),
        format: ExpositionFormat::OpenMetrics,
    };
    let (read, failure) = memory.read(
        &exposed,
        Timestamp::from_millis(AT),
        &LabelSet::default(),
        &ReadingConfig::default(),
    );
    assert_eq!(failure, None);
    assert!(
        read.series
            .iter()
            .all(|one| one.kind == MetricKind::Histogram)
    );
    assert_eq!(read.series[0].exemplars[0].t, AT);
    let metadata = memory.changed_metadata().unwrap();
    assert_eq!(
        (metadata[0].family.as_str(), metadata[0].help.as_str()),
        ("h", "Helps.")
    );
    assert_eq!(memory.changed_metadata(), None);
}

#[test]
fn bounds_are_written_in_one_way() {
    let mut scene = Scene::new("");
    scene.check(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n# TYPE s summary\ns{quantile=\"0.50\"} 2\n# TYPE g gauge\ng{le=\"1\"} 3\n",
        &["g{le=\"1\"} 3", "h_bucket{le=\"1.0\"} 1", "s{quantile=\"0.5\"} 2"],
        [3, 3, 3],
    );
}
