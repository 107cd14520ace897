//! Stacks: what each says, and the call or drop that it belongs to.

use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::context::{At, LastEntry, Via};
use crate::diagnosis::collect::packet_drop::DropSink;
use crate::kernel::frames::{Head, StackFacts, read_stack};
use crate::kernel::functions::{Function, Origin};
use crate::trace::{Context, StackView};

impl<D: DropSink> Collector<D> {
    /// Works out what a stack says, once for each number of the table.
    #[inline(always)]
    pub(super) fn read(&mut self, stack: &StackView<'_>) -> StackFacts {
        let Some(id) = stack.id else {
            return read_stack(stack.frames);
        };
        let at = id.0 as usize;
        if let Some(Some(known)) = self.stack_facts.get(at) {
            return *known;
        }
        self.read_new(at, stack)
    }

    fn read_new(&mut self, at: usize, stack: &StackView<'_>) -> StackFacts {
        if at >= self.stack_facts.len() {
            self.stack_facts.resize(at + 1, None);
        }
        *self.stack_facts[at].get_or_insert_with(|| read_stack(stack.frames))
    }

    /// A stack of that task.
    #[inline(always)]
    pub(super) fn take_stack(&mut self, at: At, context: Option<&Context>, stack: &StackView<'_>) {
        self.gathered.stacks += 1;
        self.gathered.empty_stacks += u64::from(stack.frames.is_empty());
        let facts = self.read(stack);
        self.gathered.known_stacks |= matches!(facts.head, Head::Known(_));
        if !stack.marked {
            // Frames pasted without any header: each block is a drop or nothing at all.
            self.settle(at);
        }
        let task = self.task_mut(at);
        let target = match facts.head {
            Head::Known(Function::DstGc) => LastEntry::Call,
            Head::Known(Function::PktDrop) if stack.freed && stack.marked => match task.last {
                LastEntry::Freed => return self.freed_stack(at, context, &facts, stack),
                // The free itself has told of it.
                LastEntry::Drop => LastEntry::Drop,
                LastEntry::Other | LastEntry::Call => return,
            },
            Head::Known(Function::PktDrop) => LastEntry::Drop,
            Head::Known(_) | Head::Other => return,
            Head::None => task.last,
        };
        match target {
            LastEntry::Other | LastEntry::Freed => {}
            LastEntry::Call => {
                let open = task
                    .call
                    .is_some_and(|call| call.via.takes_stack(call.stacks) && !call.returned);
                if !open {
                    if facts.head == Head::None {
                        return;
                    }
                    self.settle(at);
                    self.note_seen(Function::DstGc);
                    self.gc_seen = true;
                    self.open_call(at, Via::STACK, context);
                }
                if let Some(call) = &mut self.task_mut(at).call {
                    call.stacks += 1;
                    if facts.origin != Origin::Unknown {
                        call.origin = facts.origin;
                    }
                }
            }
            LastEntry::Drop => {
                let ticket = match task
                    .drop
                    .as_mut()
                    .filter(|open| open.via.takes_stack(open.stacks))
                {
                    Some(open) => Some(open.ticket),
                    None if facts.head == Head::None => None,
                    None => Some(self.open_drop(at, Via::STACK, context)),
                };
                if let Some(ticket) = ticket {
                    if let Some(open) = &mut self.task_mut(at).drop {
                        open.stacks += 1;
                    }
                    self.attach_to_drop(ticket, &facts, stack);
                }
            }
        }
    }
}
