//! What processes cost, as `/proc` tells.

use std::fs;

/// Ticks of `/proc` in a second (`getconf CLK_TCK`): part of Linux's interface, whatever the kernel counts in.
const TICKS: f64 = 100.0;

/// What a process, or several, took so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    /// Bytes of memory, pages that several share counted once.
    pub(crate) memory: u64,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }

    /// Processor time since an earlier reading, as a share of one core over `seconds`.
    pub(crate) fn cores_since(self, earlier: Self, seconds: f64) -> f64 {
        (self.cpu - earlier.cpu) / seconds
    }
}

/// One process, as `/proc/PID/stat` has it.
struct Stat {
    parent: u32,
    own: f64,
    /// Of children that have ended.
    ended: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok().map(f64::from);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) / TICKS,
        ended: (ticks(13)? + ticks(14)?) / TICKS,
    })
}

fn memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// What one process took, without its children.
pub(crate) fn of_process(pid: u32) -> Cost {
    stat(pid).map_or_else(Cost::default, |stat| Cost { cpu: stat.own, memory: memory(pid) })
}

/// What a process took with the children that it has and had, but for those in `apart`.
pub(crate) fn of_family(pid: u32, apart: &[u32]) -> Cost {
    let ended = Cost { cpu: stat(pid).map_or(0.0, |stat| stat.ended), memory: 0 };
    let children = pids().into_iter().filter(|child| !apart.contains(child));
    let children = children.filter(|child| stat(*child).is_some_and(|stat| stat.parent == pid));
    children.map(of_process).fold(of_process(pid).and(ended), Cost::and)
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The machine in a line.
pub(crate) fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} cores of {}; load {}", model.unwrap_or("an unknown processor"), load())
}

/// The load of the last minute: what else the machine is busy with.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or("?").to_owned()
}
