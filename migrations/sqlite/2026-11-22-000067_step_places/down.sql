UPDATE sequences SET steps = replace(replace(steps, '{{ name }}', '{name}'), '{{ email }}', '{email}');
