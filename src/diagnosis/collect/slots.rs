//! States of CPUs and tasks, found in a few instructions where an event names them again.

use std::collections::HashMap;

use crate::hash::Seeded;
use crate::trace::Level;

/// CPU numbers below this are looked up in a plain table.
const PLAIN: usize = 8192;

/// A CPU's place in its table, by first appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CpuSlot(u32);

/// A task on a CPU, or what interrupts it there: the same pid on another CPU, or at another
/// level, is followed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) cpu: CpuSlot,
    pub(super) pid: u64,
    pub(super) level: Level,
}

/// States of CPUs; `None` is that of events that name none.
#[derive(Clone, Default)]
pub(super) struct CpuSlots<C> {
    /// Places, one more than the slot's number, 0 where there is none.
    plain: Vec<u32>,
    others: HashMap<Option<u32>, CpuSlot, Seeded>,
    all: Vec<(Option<u32>, C)>,
}

impl<C: Default> CpuSlots<C> {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The slot of a CPU that has one in the plain table.
    #[inline(always)]
    pub(super) fn find_plain(&self, number: u32) -> Option<CpuSlot> {
        let place = *self.plain.get(number as usize)?;
        place.checked_sub(1).map(CpuSlot)
    }

    pub(super) fn find(&self, number: Option<u32>) -> Option<CpuSlot> {
        if let Some(plain) = number.filter(|&n| (n as usize) < PLAIN) {
            return self.find_plain(plain);
        }
        self.others.get(&number).copied()
    }

    /// The CPU's slot, a new one where it has none.
    pub(super) fn slot(&mut self, number: Option<u32>) -> CpuSlot {
        if let Some(known) = self.find(number) {
            return known;
        }
        let slot = CpuSlot(self.all.len() as u32);
        self.all.push((number, C::default()));
        match number {
            Some(plain) if (plain as usize) < PLAIN => {
                if plain as usize >= self.plain.len() {
                    self.plain.resize(plain as usize + 1, 0);
                }
                self.plain[plain as usize] = slot.0 + 1;
            }
            _ => {
                self.others.insert(number, slot);
            }
        }
        slot
    }

    pub(super) fn number(&self, slot: CpuSlot) -> Option<u32> {
        self.all[slot.0 as usize].0
    }

    pub(super) fn get(&self, slot: CpuSlot) -> &C {
        &self.all[slot.0 as usize].1
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: CpuSlot) -> &mut C {
        &mut self.all[slot.0 as usize].1
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = CpuSlot> + use<C> {
        (0..self.all.len() as u32).map(CpuSlot)
    }
}

/// A task's place in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskSlot(u32);

/// States of tasks.
#[derive(Clone)]
pub(super) struct TaskSlots<T> {
    index: HashMap<Key, TaskSlot, Seeded>,
    all: Vec<(Key, T)>,
}

impl<T: Default> TaskSlots<T> {
    pub(super) fn new() -> Self {
        TaskSlots {
            index: HashMap::default(),
            all: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn find(&self, key: Key) -> Option<TaskSlot> {
        self.index.get(&key).copied()
    }

    /// A new task's slot.
    pub(super) fn add(&mut self, key: Key) -> TaskSlot {
        let slot = TaskSlot(self.all.len() as u32);
        self.index.insert(key, slot);
        self.all.push((key, T::default()));
        slot
    }

    pub(super) fn level(&self, slot: TaskSlot) -> Level {
        self.all[slot.0 as usize].0.level
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: TaskSlot) -> &mut T {
        &mut self.all[slot.0 as usize].1
    }

    /// All tasks, each with its CPU.
    pub(super) fn slots(&self) -> Vec<(CpuSlot, TaskSlot)> {
        let slots = (0..self.all.len() as u32).map(TaskSlot);
        let cpus = self.all.iter().map(|(key, _)| key.cpu);
        cpus.zip(slots).collect()
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAINS: u32 = PLAIN as u32;

    #[test]
    fn every_cpu_has_a_slot_of_its_own() {
        let numbers = [3, 0, PLAINS - 1, PLAINS, PLAINS + 1, u32::MAX, 4];
        let numbers = || numbers.into_iter().map(Some).chain([None]);
        let mut cpus = CpuSlots::<u64>::default();
        assert!(numbers().all(|number| cpus.find(number).is_none()));
        for (at, number) in numbers().enumerate() {
            assert_eq!(cpus.len(), at);
            let slot = cpus.slot(number);
            assert_eq!(cpus.slot(number), slot);
            *cpus.get_mut(slot) += at as u64;
        }
        for (at, number) in numbers().enumerate() {
            let slot = cpus.find(number).unwrap();
            assert_eq!((*cpus.get(slot), cpus.number(slot)), (at as u64, number));
            let plain = number.filter(|&number| number < PLAINS);
            let found = number.and_then(|number| cpus.find_plain(number));
            assert_eq!(found, plain.map(|_| slot), "{number:?}");
        }
        let numbers: Vec<_> = numbers().collect();
        let slots: Vec<_> = cpus.slots().map(|slot| cpus.number(slot)).collect();
        assert_eq!(slots, numbers);
        assert_eq!(cpus.find(Some(1)), None);
        // The table of plain numbers is as long as the largest of these.
        assert_eq!(cpus.plain.len(), PLAIN);
    }

    #[test]
    fn a_task_on_a_cpu_has_a_slot_of_its_own() {
        let mut cpus = CpuSlots::<()>::default();
        let (task, softirq) = (Level::Task, Level::Softirq);
        let keys = [
            (0, 7, task),
            (0, 7, softirq),
            (0, 9, task),
            (1, 7, task),
            (5, 7, task),
        ];
        let keys = keys.map(|(cpu, pid, level)| Key {
            cpu: cpus.slot(Some(cpu)),
            pid,
            level,
        });
        let mut tasks = TaskSlots::<u64>::new();
        for (at, key) in keys.iter().enumerate() {
            assert_eq!((tasks.len(), tasks.find(*key)), (at, None));
            let slot = tasks.add(*key);
            *tasks.get_mut(slot) = at as u64;
        }
        for (at, key) in keys.iter().enumerate() {
            let slot = tasks.find(*key).unwrap();
            assert_eq!(*tasks.get_mut(slot), at as u64);
        }
        let slots = tasks.slots().into_iter();
        let cpus: Vec<_> = slots
            .map(|(cpu, slot)| (cpu, *tasks.get_mut(slot)))
            .collect();
        let wanted = keys
            .iter()
            .enumerate()
            .map(|(at, key)| (key.cpu, at as u64));
        assert_eq!(cpus, wanted.collect::<Vec<_>>());
        tasks.clear();
        assert_eq!((tasks.len(), tasks.slots().len()), (0, 0));
        assert!(keys.iter().all(|key| tasks.find(*key).is_none()));
    }
}
