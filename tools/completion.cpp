// crema completion: a script with which a shell completes subcommands, options and their values. It is made from the
// program's own flags.
#include <algorithm>

#include "base/error.h"
#include "commands.h"
#include "help.h"

namespace crema {
namespace {

struct Flag {
  std::string name;  // "--engine"
  std::string help;
  bool takes_value, is_file;
  std::vector<std::string> choices;
};

struct Command {
  std::string name, help;
  std::vector<Flag> flags;
  bool takes_files;  // without a flag
};

// The help's name of a value tells what it may be: "plain|onednn", "FILE".
Flag flag_of(const CLI::Option& option, const std::string& name) {
  const std::string type = value_name(option);
  Flag flag{"--" + name, option.get_description(), !type.empty(), type == "FILE", {}};
  if (type.find('|') == std::string::npos) return flag;
  for (const std::string& choice : CLI::detail::split(type, '|')) flag.choices.push_back(choice);
  return flag;
}

Command command_of(const CLI::App& app) {
  Command command{app.get_name(), app.get_description(), {}, false};
  for (const CLI::Option* option : app.get_options()) {
    command.takes_files = command.takes_files || (option->get_positional() && value_name(*option) == "FILE");
    for (const std::string& name : option->get_lnames()) command.flags.push_back(flag_of(*option, name));
  }
  return command;
}

// The program itself, then all subcommands.
std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> all{command_of(app)};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    all.push_back(command_of(*command));
  }
  return all;
}

std::string flag_names(const Command& command) {
  std::string names;
  for (const Flag& flag : command.flags) names += (names.empty() ? "" : " ") + flag.name;
  return names;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t i = text.find(from); i != std::string::npos; i = text.find(from, i + to.size())) {
    text.replace(i, from.size(), to);
  }
  return text;
}

// Puts the text in single quotes.
std::string as_word(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::string bash(const std::vector<Command>& commands) {
  std::string values, words, names;
  for (size_t i = 1; i < commands.size(); ++i) {
    const Command& command = commands[i];
    names += command.name + " ";
    words += fmt::format("    {}) words={}{} ;;\n", command.name,
                         as_word(command.name == "completion" ? "bash zsh fish" : flag_names(command)),
                         command.takes_files ? " files=1" : "");
    for (const Flag& flag : command.flags) {
      if (!flag.takes_value) continue;
      values += fmt::format("    '{} {}') ", command.name, flag.name);
      values += flag.choices.empty()
                    ? flag.is_file ? "mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;\n" : "return ;;\n"
                    : fmt::format("COMPREPLY=($(compgen -W {} -- \"$word\")); return ;;\n",
                                  as_word(fmt::format("{}", fmt::join(flag.choices, " "))));
    }
  }
  return fmt::format(R"(# bash completion of crema; in ~/.bashrc:  source <(crema completion bash)
_crema() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} words='' files=''
  COMPREPLY=()
  if [ "$word" = '=' ]; then word=''; fi
  if [ "$before" = '=' ]; then before=${{COMP_WORDS[COMP_CWORD-2]}}; fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {} -- "$word"))
    return
  fi
  case "$command $before" in
{}  esac
  case "$command" in
{}  esac
  if [ -n "$files" ] && [ "${{word#-}}" = "$word" ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o filenames -F _crema crema
)",
                     as_word(names + flag_names(commands[0])), values, words);
}

std::string zsh(const std::vector<Command>& commands) {
  // Brackets and colons have a special meaning in descriptions for zsh's _arguments, so they are escaped.
  const auto plain = [](const std::string& text) {
    return replaced(replaced(replaced(text, "[", "\\["), "]", "\\]"), ":", "\\:");
  };
  std::string names, cases;
  for (size_t i = 1; i < commands.size(); ++i) {
    const Command& command = commands[i];
    names += fmt::format("    {}\n", as_word(command.name + ":" + command.help));
    cases += fmt::format("    {})\n      _arguments", command.name);
    for (const Flag& flag : command.flags) {
      std::string spec = fmt::format("{}[{}]", flag.name, plain(flag.help));
      if (flag.takes_value) {
        const std::string choices = fmt::format("({})", fmt::join(flag.choices, " "));
        spec += fmt::format(":value:{}", flag.is_file ? "_files" : flag.choices.empty() ? "" : choices);
      }
      cases += " \\\n        " + as_word(spec);
    }
    if (command.takes_files) cases += " \\\n        '*:file:_files'";
    if (command.name == "completion") cases += " \\\n        '1:shell:(bash zsh fish)'";
    cases += " ;;\n";
  }
  return fmt::format(R"(#compdef crema
# zsh completion of crema; in ~/.zshrc, after compinit:  source <(crema completion zsh)
_crema() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{}  esac
}}
compdef _crema crema
)",
                     names, cases);
}

std::string fish(const std::vector<Command>& commands) {
  std::string text =
      "# fish completion of crema:  crema completion fish > ~/.config/fish/completions/crema.fish\n"
      "complete -c crema -f\n";
  for (const Command& command : commands) {
    const bool program = &command == &commands[0];
    if (!program) {
      text +=
          fmt::format("complete -c crema -n __fish_use_subcommand -a {} -d {}\n", command.name, as_word(command.help));
    }
    const std::string where =
        program ? "__fish_use_subcommand" : fmt::format("'__fish_seen_subcommand_from {}'", command.name);
    for (const Flag& flag : command.flags) {
      text += fmt::format("complete -c crema -n {} -l {}", where, flag.name.substr(2));
      if (!flag.choices.empty()) {
        text += " -x -a " + as_word(fmt::format("{}", fmt::join(flag.choices, " ")));
      } else if (flag.takes_value) {
        text += flag.is_file ? " -r -F" : " -x";
      }
      text += " -d " + as_word(flag.help) + "\n";
    }
    if (command.takes_files) text += fmt::format("complete -c crema -n {} -F\n", where);
    if (command.name == "completion") text += fmt::format("complete -c crema -n {} -a 'bash zsh fish'\n", where);
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "print a script that completes crema's flags in a shell");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description("bash|zsh|fish"));
  command->footer("Example:\n  source <(crema completion bash)");
  command->callback([&app, shell] {
    const auto commands = commands_of(app);
    fmt::print("{}", *shell == "bash" ? bash(commands) : *shell == "zsh" ? zsh(commands) : fish(commands));
  });
}

}  // namespace crema
