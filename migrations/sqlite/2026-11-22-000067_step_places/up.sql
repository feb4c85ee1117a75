-- Steps are written in the language of templates, with {{ name }} and {{ email }}. First those that have it without spaces, as the copied words
-- of a template may: their inner braces are not those of the other notation.
UPDATE sequences SET steps = replace(replace(replace(replace(steps,
    '{{name}}', '{{ name }}'), '{{email}}', '{{ email }}'),
    '{name}', '{{ name }}'), '{email}', '{{ email }}');
