//! A flame graph of drop stacks, hanging from its root: outermost function on top.

use crate::diagnosis::class::Class;
use crate::render::html::markup::{SWATCHES, add, escaped, foreign, percent, swatch};
use crate::render::words::{count, drops};
use crate::report::stacks::{NumberedStack, numbered_stacks};
use crate::report::summary::Summary;
use crate::text::harmless;

/// Boxes of a flame graph; stacks that need more are drawn as one box, with their number.
pub(super) const MAX_BOXES: usize = 1500;
/// Functions of one stack that are drawn.
const MAX_DEPTH: usize = 64;
/// Stacks that are written out as text.
const MAX_LISTED: usize = 20;
/// Height of a box in pixels, its border included.
const HEIGHT: usize = 20;

/// A function in its place below its callers.
struct Node {
    name: String,
    swatch: usize,
    drops: u64,
    children: Vec<usize>,
}

/// Functions by their callers; the first node is the root.
struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    fn of(stacks: &[NumberedStack]) -> Tree {
        let root = Node {
            name: "all stacks".to_owned(),
            swatch: SWATCHES,
            drops: 0,
            children: Vec::new(),
        };
        let mut tree = Tree { nodes: vec![root] };
        for class in Class::ALL {
            let of_class = || stacks.iter().filter(|stack| stack.class == class);
            if of_class().next().is_some() {
                tree.add_class(class, of_class());
            }
        }
        tree
    }

    /// Most frequent stacks come first, so that those which find no room are the rare ones.
    fn add_class<'a>(&mut self, class: Class, stacks: impl Iterator<Item = &'a NumberedStack>) {
        let top = self.child(0, class.name(), swatch(class as usize));
        let mut beyond = (0, 0);
        for stack in stacks {
            self.nodes[0].drops += stack.count;
            self.nodes[top].drops += stack.count;
            let depth = stack.frames.len().min(MAX_DEPTH);
            if self.nodes.len() + depth > MAX_BOXES {
                beyond = (beyond.0 + 1, beyond.1 + stack.count);
                continue;
            }
            let mut at = top;
            let cut = stack.frames.len() - depth;
            for frame in stack.frames.iter().rev().skip(cut) {
                at = self.child(at, &foreign(&harmless(frame)), swatch(class as usize));
                self.nodes[at].drops += stack.count;
            }
        }
        if beyond.0 > 0 {
            let name = count(beyond.0, "rarer stack", "rarer stacks");
            let at = self.child(top, &name, swatch(class as usize));
            self.nodes[at].drops += beyond.1;
        }
    }

    /// The child of that name, new where there is none.
    fn child(&mut self, parent: usize, name: &str, swatch: usize) -> usize {
        let known = self.nodes[parent].children.iter();
        if let Some(known) = known.copied().find(|&at| self.nodes[at].name == name) {
            return known;
        }
        let at = self.nodes.len();
        self.nodes.push(Node {
            name: name.to_owned(),
            swatch,
            drops: 0,
            children: Vec::new(),
        });
        self.nodes[parent].children.push(at);
        at
    }

    /// Draws a node and what is below it; the depth reached.
    fn draw(&self, at: usize, left: u64, depth: usize, out: &mut String) -> usize {
        let node = &self.nodes[at];
        let all = self.nodes[0].drops as f64;
        let (n, share) = (node.drops, percent(node.drops as f64, all));
        let label = format!("{}: {}, {share}", node.name, drops(n));
        add(
            out,
            format_args!(
                "<svg class=\"b\" aria-label=\"{label}\" data-l=\"{left}\" data-n=\"{n}\" data-d=\"{depth}\" x=\"{}\" y=\"{}\" width=\"{share}\" height=\"{}\"><title>{label}</title><rect class=\"t{}\" width=\"100%\" height=\"100%\"/><text x=\"4\" y=\"14\">{}</text></svg>\n",
                percent(left as f64, all),
                depth * HEIGHT,
                HEIGHT - 1,
                node.swatch,
                node.name,
            ),
        );
        let mut deepest = depth;
        let mut left = left;
        for &child in &node.children {
            deepest = deepest.max(self.draw(child, left, depth + 1, out));
            left += self.nodes[child].drops;
        }
        deepest
    }
}

/// The stacks as text, for those who cannot see the picture, or want to copy them.
fn listed(stacks: &[NumberedStack]) -> String {
    let mut out = String::from("<details><summary>The stacks as text</summary>\n<ol>\n");
    for stack in stacks.iter().take(MAX_LISTED) {
        let frames = stack
            .frames
            .iter()
            .take(MAX_DEPTH)
            .map(|f| foreign(&harmless(f)));
        let frames: Vec<String> = frames.collect();
        let more = stack.frames.len().saturating_sub(MAX_DEPTH);
        let more = match more {
            0 => String::new(),
            more => format!("\n… {more} more"),
        };
        add(
            &mut out,
            format_args!(
                "<li>{}, {}<pre tabindex=\"0\">{}{more}</pre></li>\n",
                drops(stack.count),
                stack.class.name(),
                frames.join("\n")
            ),
        );
    }
    out.push_str("</ol>\n");
    if stacks.len() > MAX_LISTED {
        add(
            &mut out,
            format_args!(
                "<p>{} more (<code>--format json</code> or <code>folded</code> has all).</p>\n",
                stacks.len() - MAX_LISTED
            ),
        );
    }
    out.push_str("</details>\n");
    out
}

/// The flame graph and its text; nothing where no stack has frames.
pub(super) fn write(summary: &Summary) -> Option<String> {
    let stacks = numbered_stacks(summary);
    if stacks.is_empty() {
        return None;
    }
    let tree = Tree::of(&stacks);
    let mut boxes = String::new();
    let deepest = tree.draw(0, 0, 0, &mut boxes);
    let spoken = escaped(&format!(
        "Flame graph of {} in {}; the stacks are listed as text below",
        drops(tree.nodes[0].drops),
        count(stacks.len() as u64, "stack", "stacks")
    ));
    Some(format!(
        "<p>A box is as wide as its share of the drops. The outermost function is on top, the one that drops at the bottom.<span id=\"how\" hidden=\"\"> Click a box, or choose one with the arrow keys and Enter, to look closer; Escape goes back.</span></p>\n<svg id=\"flame\" role=\"img\" aria-label=\"{spoken}\" width=\"100%\" height=\"{}\">\n{boxes}</svg>\n{}",
        (deepest + 1) * HEIGHT,
        listed(&stacks)
    ))
}
