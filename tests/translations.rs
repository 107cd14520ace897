//! The Chinese pages say what the English ones say: the same sections, rows, commands, links, names
//! and figures, in Chinese. Whoever changes a page changes its translation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Pages with their translations, and the line at the top of each that leads to the other.
const PAGES: [[(&str, &str); 2]; 2] = [
    [
        ("README.md", "[简体中文](README.zh-CN.md)"),
        ("README.zh-CN.md", "[English](README.md)"),
    ],
    [
        ("docs/messages.md", "[简体中文](messages.zh-CN.md)"),
        ("docs/messages.zh-CN.md", "[English](messages.md)"),
    ],
];

/// Heads of first columns that hold words of the program: they stay as it prints them, and what
/// they mean may stand behind them in brackets.
const PRINTED: [&str; 4] = ["message", "advice", "note", "words"];

/// So many English words in a row are a sentence that nobody translated.
const SENTENCE: usize = 5;

struct Page {
    name: &'static str,
    text: String,
    /// The text with its lines joined.
    joined: String,
    sections: Vec<Section>,
}

/// A heading and what stands below it up to the next one.
#[derive(Default)]
struct Section {
    level: usize,
    heading: String,
    /// Paragraphs and items of lists.
    words: Vec<String>,
    /// Lines of indented and fenced blocks, a block after the other.
    commands: Vec<Vec<String>>,
    /// Rows of cells, without the line below the head.
    tables: Vec<Vec<Vec<String>>>,
}

impl Page {
    fn new(name: &'static str, text: String) -> Self {
        Self {
            name,
            sections: sections(&text),
            joined: text.split_whitespace().collect::<Vec<_>>().join(" "),
            text,
        }
    }

    fn read(name: &'static str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = fs::read_to_string(path);
        Self::new(name, text.unwrap_or_else(|error| panic!("{name}: {error}")))
    }
}

/// What a line continues; a line behind an empty one continues nothing.
#[derive(PartialEq)]
enum Open {
    Nothing,
    Words,
    Commands,
    Table,
}

fn sections(text: &str) -> Vec<Section> {
    let mut all = vec![Section::default()];
    let mut open = Open::Nothing;
    let mut is_fenced = false;
    for line in text.lines() {
        let section = all.last_mut().unwrap();
        if line.starts_with("```") {
            is_fenced = !is_fenced;
            open = Open::Nothing;
        } else if is_fenced || (line.starts_with("    ") && open != Open::Words) {
            if open != Open::Commands {
                section.commands.push(Vec::new());
            }
            let line = line.strip_prefix("    ").unwrap_or(line).to_owned();
            section.commands.last_mut().unwrap().push(line);
            open = Open::Commands;
        } else if line.is_empty() {
            open = Open::Nothing;
        } else if line.starts_with('#') {
            let heading = line.trim_start_matches('#');
            all.push(Section {
                level: line.len() - heading.len(),
                heading: heading.trim().to_owned(),
                ..Section::default()
            });
            open = Open::Nothing;
        } else if let Some(row) = line.strip_prefix('|') {
            if open != Open::Table {
                section.tables.push(Vec::new());
            }
            if !row.starts_with('-') {
                let cells = row.trim_end_matches('|').split('|');
                let cells = cells.map(|cell| cell.trim().to_owned()).collect();
                section.tables.last_mut().unwrap().push(cells);
            }
            open = Open::Table;
        } else {
            if open != Open::Words || line.starts_with("- ") {
                section.words.push(String::new());
            }
            let words = section.words.last_mut().unwrap();
            words.push_str(line.trim());
            words.push(' ');
            open = Open::Words;
        }
    }
    all
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// Chinese letters, and signs of their width.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

/// What stands in backticks.
fn names(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// `65,536`, `4.19.305`, and the 6 of IPv6.
fn figures(text: &str) -> BTreeSet<&str> {
    let runs = text.split(|c: char| !c.is_ascii_digit() && c != ',' && c != '.');
    let runs = runs.map(|run| run.trim_matches([',', '.']));
    runs.filter(|run| !run.is_empty()).collect()
}

/// `ClickHouse`, `CPU` and the like: words of several capitals are the same in every language.
fn proper_names(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_proper = |word: &&str| word.chars().filter(char::is_ascii_uppercase).count() > 1;
    let proper = words.filter(is_proper);
    proper
        .map(|word| word.trim_end_matches('s').to_owned())
        .collect()
}

fn links(text: &str) -> BTreeSet<String> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|target| Some(target.split_once(')')?.0.to_owned()))
        .collect()
}

/// A text without its names, the targets of its links, and what the program or the kernel says
/// (in italics or quotation marks).
fn prose(text: &str) -> String {
    let mut text = text.replace("**", "");
    for mark in ['`', '*', '"'] {
        let outside: Vec<&str> = text.split(mark).step_by(2).collect();
        text = outside.join(" … ");
    }
    let mut parts = text.split("](");
    let mut prose = parts.next().unwrap().to_owned();
    for (_, behind) in parts.filter_map(|part| part.split_once(')')) {
        prose.push_str(" … ");
        prose.push_str(behind);
    }
    prose
}

/// The most English words in a row.
fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for word in prose(text).split_whitespace() {
        let word = word.trim_end_matches([',', '.', ';', ':']);
        let is_word = word.chars().all(|c| c.is_ascii_alphabetic() || c == '\'');
        run = if is_word && !word.is_empty() {
            run + 1
        } else {
            0
        };
        longest = longest.max(run);
    }
    longest
}

/// Whether an English text has words to translate: a single one may be a name.
fn has_words(text: &str) -> bool {
    longest_run(text) >= 2
}

/// The name under which GitHub finds a heading.
fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower
        .chars()
        .filter(|&c| c.is_alphanumeric() || " -_".contains(c));
    kept.collect::<String>().replace(' ', "-")
}

/// A line of commands, and what is said about it beside it.
fn command(line: &str) -> (&str, &str) {
    let beside = [" # ", "   ("].map(|mark| line.find(mark));
    let end = beside.into_iter().flatten().min().unwrap_or(line.len());
    let (command, beside) = line.split_at(end);
    (command.trim_end(), beside)
}

/// All in which two pages differ.
struct Comparison<'a> {
    english: &'a Page,
    chinese: &'a Page,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn say(&mut self, place: &Section, what: &str) {
        let (name, heading) = (self.chinese.name, &place.heading);
        self.found.push(format!("{name}, \"{heading}\": {what}"));
    }

    /// A text and its translation.
    fn texts(&mut self, place: &Section, english: &str, chinese: &str) {
        let start: String = english.chars().take(60).collect();
        if has_words(english) && !is_chinese(chinese) {
            self.say(place, &format!("not in Chinese: {start}"));
        } else if longest_run(chinese) >= SENTENCE {
            let chinese: String = chinese.chars().take(60).collect();
            self.say(place, &format!("a sentence is left in English: {chinese}"));
        }
        let (wanted, said) = (names(english), names(chinese));
        for name in wanted.iter().filter(|name| !said.contains(name)) {
            self.say(place, &format!("`{name}` is missing in: {start}"));
        }
        for name in said.iter().filter(|name| !wanted.contains(name)) {
            if !self.english.joined.contains(name) {
                let english = self.english.name;
                self.say(place, &format!("{english} does not name `{name}`"));
            }
        }
        for name in proper_names(english) {
            if !chinese.contains(&name) {
                self.say(place, &format!("{name} is missing in: {start}"));
            }
        }
        for figure in figures(english).difference(&figures(chinese)) {
            self.say(place, &format!("{figure} is missing in: {start}"));
        }
        let wanted = links(english);
        let wanted: BTreeSet<String> = wanted.iter().map(|link| self.translated(link)).collect();
        let there = links(chinese);
        for link in wanted.symmetric_difference(&there) {
            let fault = if there.contains(link) {
                "leads elsewhere"
            } else {
                "is missing"
            };
            self.say(place, &format!("the link {link} {fault} in: {start}"));
        }
    }

    /// Where a link of the English page leads in the Chinese one.
    fn translated(&self, link: &str) -> String {
        let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
        let folder = Path::new(self.english.name).parent().unwrap();
        let name = folder.join(file);
        let mut pages = PAGES.iter();
        let page = pages.find(|[(english, _), _]| file.is_empty() || Path::new(english) == name);
        let Some([(english, _), (chinese, _)]) = page else {
            return link.to_owned();
        };
        let file = file.replace(".md", ".zh-CN.md");
        if fragment.is_empty() {
            return file;
        }
        let (english, chinese) = match &*file {
            "" => (self.english, self.chinese),
            _ => (&Page::read(english), &Page::read(chinese)),
        };
        let mut both = english.sections.iter().zip(&chinese.sections);
        let section = both.find(|(english, _)| anchor(&english.heading) == fragment);
        let chinese = section.map_or("?".to_owned(), |(_, chinese)| anchor(&chinese.heading));
        format!("{file}#{chinese}")
    }

    fn commands(&mut self, place: &Section, english: &[String], chinese: &[String]) {
        if english.len() != chinese.len() {
            self.say(place, &format!("other lines than below: {}", english[0]));
        }
        for (english, chinese) in english.iter().zip(chinese) {
            let ((wanted, beside), (there, said)) = (command(english), command(chinese));
            // A formula is words.
            if wanted.contains('×') {
                self.texts(place, wanted, there);
            } else if wanted != there {
                self.say(place, &format!("another command than: {wanted}"));
            }
            if beside.is_empty() != said.is_empty() {
                self.say(place, &format!("another remark than of: {english}"));
            }
            self.texts(place, beside, said);
        }
    }

    fn table(&mut self, place: &Section, english: &[Vec<String>], chinese: &[Vec<String>]) {
        let is_printed = PRINTED.contains(&&english[0][0][..]);
        // What tells a row from the others: words of the program, else the names in the first
        // cell, else those in all cells.
        let key = |row: &Vec<String>| -> String {
            let start = &row[0];
            if is_printed {
                return start.split('（').next().unwrap().to_owned();
            }
            let (mut first, all) = (names(start), row.join(" "));
            if first.is_empty() {
                let all: BTreeSet<&str> = names(&all).into_iter().collect();
                first.extend(all);
            }
            first.join(", ")
        };
        let (wanted, there): (Vec<_>, Vec<_>) = (
            english[1..].iter().map(key).collect(),
            chinese[1..].iter().map(key).collect(),
        );
        for (these, those, name) in [
            (&wanted, &there, self.chinese.name),
            (&there, &wanted, self.english.name),
        ] {
            for key in these.iter().filter(|key| !those.contains(key)) {
                self.say(place, &format!("{name} has no row {key}"));
            }
        }
        if wanted.len() != there.len() {
            let (wanted, there) = (wanted.len(), there.len());
            self.say(place, &format!("{there} rows, not {wanted}"));
        } else if wanted != there {
            self.say(place, "rows in another order");
        }
        if wanted != there {
            return;
        }
        for (english, chinese) in english.iter().zip(chinese) {
            if english.len() != chinese.len() {
                self.say(
                    place,
                    &format!("other cells than in: {}", english.join(" | ")),
                );
            }
            let skipped = usize::from(is_printed);
            for (english, chinese) in english.iter().zip(chinese).skip(skipped) {
                self.texts(place, english, chinese);
            }
        }
    }

    fn sections(&mut self) {
        let (english, chinese) = (&self.english.sections, &self.chinese.sections);
        if english.len() != chinese.len() {
            let (wanted, there) = (english.len() - 1, chinese.len() - 1);
            self.say(&english[0], &format!("{there} headings, not {wanted}"));
        }
        for (n, section) in english.iter().enumerate() {
            let Some(there) = chinese.get(n).filter(|there| there.level == section.level) else {
                self.say(section, "this heading is of another level");
                return;
            };
            let counts = [
                (
                    "paragraphs and items",
                    section.words.len(),
                    there.words.len(),
                ),
                (
                    "blocks of commands",
                    section.commands.len(),
                    there.commands.len(),
                ),
                ("tables", section.tables.len(), there.tables.len()),
            ];
            for (what, wanted, there) in counts {
                if there != wanted {
                    self.say(section, &format!("{there} {what}, not {wanted}"));
                }
            }
            if counts.iter().any(|(_, wanted, there)| wanted != there) {
                continue;
            }
            self.texts(section, &section.heading, &there.heading);
            if section.level > 1 && !is_chinese(&there.heading) {
                self.say(section, "this heading is not in Chinese");
            }
            // The first lines lead to each other.
            let skipped = usize::from(n == 0);
            for (english, chinese) in section.words.iter().zip(&there.words).skip(skipped) {
                self.texts(section, english, chinese);
            }
            for (english, chinese) in section.commands.iter().zip(&there.commands) {
                self.commands(section, english, chinese);
            }
            for (english, chinese) in section.tables.iter().zip(&there.tables) {
                self.table(section, english, chinese);
            }
        }
    }
}

fn compare(english: &Page, chinese: &Page) -> Vec<String> {
    let mut comparison = Comparison {
        english,
        chinese,
        found: Vec::new(),
    };
    comparison.sections();
    for page in [english, chinese] {
        let lines = PAGES.as_flattened();
        let (_, link) = lines.iter().find(|(name, _)| *name == page.name).unwrap();
        let mut lines = page.text.lines();
        if lines.next() != Some(link) {
            let wrong = format!("{}: the first line is not {link}", page.name);
            comparison.found.push(wrong);
        }
        let wide = lines.find(|line| line.contains(is_wide));
        if let Some(line) = wide.filter(|_| page.name == english.name) {
            let wrong = format!("{}: not in English: {line}", page.name);
            comparison.found.push(wrong);
        }
    }
    comparison.found
}

#[test]
fn translations_say_what_the_pages_say() {
    let pages = PAGES.iter();
    let found = pages.flat_map(|[(english, _), (chinese, _)]| {
        compare(&Page::read(english), &Page::read(chinese))
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A page that is small, and has one of each.
const ENGLISH: &str = "\
[简体中文](README.zh-CN.md)

# ip6drop

Says why packets are lost: [all of it](docs/incident.md), in 6 MB. `--brief` says less.

## Use

    ip6drop diagnose      # for 30 s, as root
    ip6drop restore

Sizes are these:

    routes × CPUs, at least 4096

- [How packets are named](docs/messages.md#packets), and [the page](docs/messages.md).
- `--src` chooses among them.

## Rows of `status`

| regime | what happens |
|---|---|
| `latent` | over the limit for now |
| `exhausted` | every entry is refused |

| message | why |
|---|---|
| tracing needs root | the files belong to root |

| what | at most | where |
|---|---|---|
| a line | 64 KiB | `MAX_LINE` |
";

const CHINESE: &str = "\
[English](README.md)

# ip6drop

说明为什么丢包：[来龙去脉](docs/incident.md)，大小为 6 MB。`--brief` 输出更少。

## 用法

    ip6drop diagnose      # 30 秒，需要 root
    ip6drop restore

大小如下：

    路由数 × CPU 数，至少 4096

- [怎样识别报文](docs/messages.zh-CN.md#报文)，以及[整页](docs/messages.zh-CN.md)。
- 用 `--src` 筛选。

## `status` 的各行

| 状态 | 会发生什么 |
|---|---|
| `latent` | 暂时超限 |
| `exhausted` | 每个表项都被拒绝 |

| 消息 | 原因 |
|---|---|
| tracing needs root（跟踪需要 root） | 文件属于 root |

| 对象 | 最多 | 位置 |
|---|---|---|
| 一行 | 64 KiB | `MAX_LINE` |
";

/// What is changed in the English page alone, and what is said of it.
const ENGLISH_FAULTS: [(&str, &str, &str); 7] = [
    (
        "[简体中文](README.zh-CN.md)\n",
        "",
        "README.md: the first line is not",
    ),
    ("## Use", "## Use 用法", "README.md: not in English: ## Use"),
    ("## Use", "### Use", "this heading is of another level"),
    ("## Rows of", "Rows of", "3 headings, not 2"),
    ("`latent`", "`other`", "README.md has no row latent"),
    ("`latent`", "`other`", "README.zh-CN.md has no row other"),
    (
        "docs/messages.md#packets",
        "docs/messages.md#gone",
        "docs/messages.zh-CN.md#? is missing",
    ),
];

/// The same of the Chinese one.
const CHINESE_FAULTS: [(&str, &str, &str); 32] = [
    (
        "[English](README.md)",
        "English",
        "README.zh-CN.md: the first line is not",
    ),
    ("## 用法\n", "", "2 headings, not 3"),
    ("## 用法", "## Use", "this heading is not in Chinese"),
    ("`status` 的", "", "`status` is missing in: Rows"),
    (
        "- 用 `--src` 筛选",
        "用 `--src`\n- 筛选",
        "`--src` is missing in: - `--src`",
    ),
    ("大小如下：\n", "", "2 paragraphs and items, not 3"),
    (
        "    路由数 × CPU 数，至少 4096\n",
        "",
        "1 blocks of commands, not 2",
    ),
    ("\n\n| 对象", "\n| 对象", "2 tables, not 3"),
    (
        "drop restore",
        "drop report",
        "another command than: ip6drop restore",
    ),
    (
        "    ip6drop restore\n",
        "",
        "other lines than below: ip6drop diagnose",
    ),
    (
        "      # 30 秒，需要 root",
        "",
        "another remark than of: ip6drop diagnose",
    ),
    (
        "# 30 秒，需要 root",
        "# for 30 s, as root",
        "not in Chinese:  # for 30 s",
    ),
    ("# 30 秒", "# 20 秒", "30 is missing in:  # for 30 s"),
    ("至少 4096", "至少 8192", "4096 is missing in: routes"),
    (
        "(docs/incident.md)",
        "(docs/tools.md)",
        "the link docs/incident.md is missing",
    ),
    (
        "(docs/incident.md)",
        "(docs/tools.md)",
        "the link docs/tools.md leads elsewhere",
    ),
    (
        "#报文",
        "#packets",
        "docs/messages.zh-CN.md#报文 is missing",
    ),
    (
        "(docs/messages.zh-CN.md)",
        "(docs/messages.md)",
        "docs/messages.md leads elsewhere",
    ),
    (
        "`--brief`",
        "`--short`",
        "`--brief` is missing in: Says why",
    ),
    (
        "`--brief`",
        "`--brief`、`--short`",
        "README.md does not name `--short`",
    ),
    ("6 MB", "6 兆", "MB is missing in: Says why"),
    ("6 MB", "5 MB", "6 is missing in: Says why"),
    (
        "说明",
        "Says why packets are lost: 说明",
        "a sentence is left in English",
    ),
    (
        "暂时超限",
        "over the limit",
        "not in Chinese: over the limit",
    ),
    (
        "| `exhausted` |",
        "| `latent` |",
        "README.zh-CN.md has no row exhausted",
    ),
    (
        "| `exhausted` |",
        "| `latent` | |\n| `exhausted` |",
        "3 rows, not 2",
    ),
    (
        "| `exhausted` |",
        "| `exhausted` | |",
        "other cells than in: `exhausted`",
    ),
    (
        "tracing needs root（跟踪需要 root）",
        "跟踪需要 root",
        "no row tracing needs root",
    ),
    ("64 KiB", "32 KiB", "64 is missing in: 64 KiB"),
    (
        "`MAX_LINE`",
        "`MAX_LEFT`",
        "README.zh-CN.md has no row MAX_LINE",
    ),
    (
        "文件属于 root",
        "the files belong to root",
        "not in Chinese: the files",
    ),
    (
        "| `latent` | 暂时超限 |\n| `exhausted` | 每个表项都被拒绝 |",
        "| `exhausted` | 每个表项都被拒绝 |\n| `latent` | 暂时超限 |",
        "rows in another order",
    ),
];

/// What is found in these pages as they are changed.
fn found_in(english: &str, chinese: &str) -> Vec<String> {
    let [(english_name, _), (chinese_name, _)] = PAGES[0];
    let english = Page::new(english_name, english.to_owned());
    compare(&english, &Page::new(chinese_name, chinese.to_owned()))
}

#[test]
fn what_is_changed_in_one_page_alone_is_found() {
    assert_eq!(found_in(ENGLISH, CHINESE), [""; 0]);
    let change = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    for (from, to, said) in ENGLISH_FAULTS {
        let found = found_in(&change(ENGLISH, from, to), CHINESE);
        let is_found = found.iter().any(|found| found.contains(said));
        assert!(is_found, "{from} as {to}, not {said}: {found:?}");
    }
    for (from, to, said) in CHINESE_FAULTS {
        let found = found_in(ENGLISH, &change(CHINESE, from, to));
        let is_found = found.iter().any(|found| found.contains(said));
        assert!(is_found, "{from} as {to}, not {said}: {found:?}");
    }
}
