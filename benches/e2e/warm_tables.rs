//! What is shown of the runs that a pool answered.

use super::figures::Figures;
use super::processors::Share;
use super::warm::{MeasuredWarm, Warm};
use stratbox::crd::Durations;

impl Warm {
    /// Totals of those of `runs` that a pool answered and that succeeded.
    pub(crate) fn totals(runs: &[MeasuredWarm]) -> Figures {
        Figures::of(runs.iter().filter(|run| run.warm && run.reason == "Succeeded").map(|run| run.total))
    }

    /// Those at one a second that are not checked.
    fn plain(&self) -> impl Iterator<Item = &MeasuredWarm> {
        self.whole.plain.iter().chain(&self.half.plain)
    }

    /// Whether a pool has answered every one of them, and well.
    pub(crate) fn are_all_warm(runs: &[MeasuredWarm]) -> bool {
        runs.iter().all(|run| run.warm && run.reason == "Succeeded")
    }

    /// Where the time goes, of each class at rest and at one a second.
    pub(crate) fn stage_tables(&self) -> [(&'static str, Vec<(&'static str, Figures)>); 4] {
        [
            ("warm, node at rest, 1 CPU: stages", Self::stages(&self.whole.rested)),
            ("warm, one a second, 1 CPU: stages", Self::stages(&self.whole.plain)),
            ("warm, node at rest: stages", Self::stages(&self.half.rested)),
            ("warm, one a second: stages", Self::stages(&self.half.plain)),
        ]
    }

    /// The tables' rows.
    pub(crate) fn rows(&self) -> Vec<(&'static str, Figures)> {
        let cold = self.burst.iter().filter(|run| !run.warm && run.reason == "Succeeded");
        vec![
            ("warm, node at rest, checks Off, 1 CPU", Self::totals(&self.whole.rested)),
            ("warm, one a second, checks Off, 1 CPU", Self::totals(&self.whole.plain)),
            ("warm, node at rest, checks Off", Self::totals(&self.half.rested)),
            ("warm, one a second, checks Off", Self::totals(&self.half.plain)),
            ("warm, one a second, default checks", Self::totals(&self.checked)),
            ("warm, one in three seconds, default checks", Self::totals(&self.checked_rested)),
            ("warm, of a burst of pool + 5, 1 CPU", Self::totals(&self.burst)),
            ("cold, of the same burst", Figures::of(cold.map(|run| run.total))),
            ("attach + hello: connection made anew", Figures::of(self.attach.iter().copied())),
            ("hello: on an open connection", Figures::of(self.answer.iter().copied())),
        ]
    }

    /// Where the time of those goes.
    fn stages(runs: &[MeasuredWarm]) -> Vec<(&'static str, Figures)> {
        let warm = || runs.iter().filter(|run| run.warm);
        let of = |read| Self::stage(runs, read);
        vec![
            ("created → attempt seen on record", Figures::of(warm().filter_map(|run| run.recorded))),
            ("created → sandbox seen to be the run's", Figures::of(warm().filter_map(|run| run.claimed))),
            ("validate: the gate", of(|durations| durations.validate_ms)),
            ("handover: sent → accepted", of(|durations| durations.handover_ms)),
            ("run: accepted → positions in", of(|durations| durations.run_ms)),
            ("score", of(|durations| durations.score_ms)),
            ("collect: report in → status planned", of(|durations| durations.collect_ms)),
        ]
    }

    /// How long that stage took those of `runs` that a pool answered.
    pub(crate) fn stage(runs: &[MeasuredWarm], read: fn(&Durations) -> Option<u64>) -> Figures {
        let whole = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        Figures::of(runs.iter().filter(|run| run.warm).filter_map(|run| read(&run.durations)).map(whole))
    }

    /// Everything else that there is to say.
    pub(crate) fn others(&self) -> Vec<(&'static str, String)> {
        let counted = |runs: &[MeasuredWarm]| {
            let warm = runs.iter().filter(|run| run.warm).count();
            let good = runs.iter().filter(|run| run.reason == "Succeeded").count();
            format!("{good} of {} succeeded, {warm} warm", runs.len())
        };
        let writes = self.writes.as_ref().map_or_else(
            || "there is no audit log at hand".to_owned(),
            |writes| {
                let of_pool = ["create pods", "patch sandboxpools/status"];
                let runs = u32::try_from(self.plain().count()).unwrap_or(u32::MAX).max(1);
                let own: u32 = writes
                    .iter()
                    .filter(|(what, _)| !of_pool.contains(&what.as_str()))
                    .map(|(_, count)| count)
                    .sum();
                let each: Vec<String> =
                    writes.iter().map(|(what, count)| format!("{what} {count}")).collect();
                format!(
                    "{:.1} without the pool's own (of {runs} runs: {})",
                    f64::from(own) / f64::from(runs),
                    each.join(", ")
                )
            },
        );
        let held = |runs: &[MeasuredWarm]| {
            let counts = runs.iter().filter_map(|run| run.held_back);
            Figures::of(counts.map(|count| f64::from(u32::try_from(count).unwrap_or(u32::MAX))))
        };
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "not readable".to_owned(), |value| format!("{value:.0}{unit}"))
        };
        vec![
            ("warm: one a second, 1 CPU", counted(&self.whole.plain)),
            ("warm: one a second", counted(&self.half.plain)),
            ("warm: with checks", counted(&self.checked)),
            ("warm: burst", counted(&self.burst)),
            ("warm: API writes per run", writes),
            (
                "warm: CPU periods held back per run",
                [("1 CPU", &self.whole), ("0.5 CPU", &self.half)]
                    .map(|(cpu, class)| {
                        let held = held(&class.plain);
                        format!(
                            "{cpu}: {} (median), {} (p99)",
                            shown(held.p50(), ""),
                            shown(held.percentile(99), "")
                        )
                    })
                    .join("; "),
            ),
            (
                "warm: of one second of a processor",
                [("1 CPU", &self.whole), ("0.5 CPU", &self.half)]
                    .map(|(cpu, class)| {
                        let of = |read: fn(&Share) -> f64| {
                            shown(Figures::of(class.shares.iter().map(read)).p50(), " ms")
                        };
                        format!("{cpu}: {} busy, {} stolen", of(|share| share.busy), of(|share| share.stolen))
                    })
                    .join("; "),
            ),
            (
                "waiting sandbox, resident memory",
                format!(
                    "{} default class, {} one that checks nothing",
                    shown(Figures::of(self.idle.iter().copied()).p50(), " MiB (median)"),
                    shown(Figures::of(self.idle_unchecked.iter().copied()).p50(), " MiB (median)"),
                ),
            ),
        ]
    }
}
