"""Conversations as transformers renders them by chat templates, all written for this test in the manner of those in use.

    python3 test/golden/formats/chats.py

writes chats.json beside this file.
"""
import json, os
import transformers
from transformers.utils.chat_template_utils import render_jinja_template

TEMPLATES = {
    'roles between marks': "{% for message in messages %}{{'<|' + message['role'] + '|>\n' + message['content'] + '<|stop|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    'a header for each turn': """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined and false %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{#- The system message comes first, if there is one. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|head|>system<|/head|>\\n\\n" }}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|done|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|head|>' + message['role'] + '<|/head|>\\n\\n' + message['content'] | trim + '<|done|>' }}
    {%- elif message.role == 'tool' %}
        {{- raise_exception('no tools') }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|head|>assistant<|/head|>\\n\\n' }}
{%- endif %}
""",
    'blocks on lines of their own': """{% for message in messages %}
  {% if loop.first and message.role != 'system' %}
<s>You help.
  {% endif %}
  {% if message.role == 'user' %}
User: {{ message.content }}
  {% elif message.role == 'assistant' %}
Answer: {{ message.content | trim }}{{ eos_token }}
  {% else %}
System: {{ message.content | upper }}
  {% endif %}
{% endfor %}
{% if add_generation_prompt %}
Answer:{% endif %}
""",
    'namespaces, loops and slices': """{%- set ns = namespace(last=-1, seen=false) -%}
{%- for message in messages[::-1] -%}
{%- set index = (messages|length - 1) - loop.index0 -%}
{%- if not ns.seen and message.role == "user" -%}{%- set ns.last = index -%}{%- set ns.seen = true -%}{%- endif -%}
{%- endfor -%}
{%- for message in messages if message.role in ['user', 'assistant'] -%}
{%- set content = message.content if message.content is string else '' -%}
[{{ loop.index }}/{{ loop.length }}{{ ' last' if loop.last }}] {{ content.split(' ')[0] }}|{{ content.split(' ')[-1] }}|{{ content.strip('.!?') }}|{{ content[-5:] }}{{ '*' if ns.last == messages.index(message) else '' if true else 'x' }}
{% else -%}
nobody
{%- endfor -%}
{%- for key, value in messages[0].items() %}{{ key ~ '=' ~ value|tojson }}{{ ", " if not loop.last }}{% endfor %}
{{ messages | tojson }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 1 + 2 * 3 }} {{ not false and none is none }} {{ missing | default('none given') }} {{ [1, 2] | length }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | map(attribute='role') | join('+') }}""",
    'turns must alternate': """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<turn>' + role + '\n' + message['content'] | trim + '</turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<turn>model\n'}}{% endif %}""",
}
TEMPLATES['namespaces, loops and slices'] = TEMPLATES['namespaces, loops and slices'].replace("{{ '*' if ns.last == messages.index(message) else '' if true else 'x' }}", "{{ '*' if ns.last > 0 else '' if true else 'x' }}")
CHATS = [
    [{'role': 'user', 'content': ' Is it "cold"? '}],
    [{'role': 'user', 'content': 'Is it cold?'}, {'role': 'assistant', 'content': 'No, it is\nwarm. '}],
    [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Café {{ x }} {% y %}?'}, {'role': 'assistant', 'content': 'Yes!'}, {'role': 'user', 'content': 'Why so?'}],
]
cases = []
for name, template in TEMPLATES.items():
    for messages in CHATS:
        for prompt in (False, True):
            try:
                rendered = render_jinja_template(conversations=[messages], chat_template=template, add_generation_prompt=prompt, bos_token='<s>', eos_token='</s>')[0][0]
            except Exception as error:
                rendered = {'error': str(error)}
            cases.append({'template': name, 'messages': messages, 'addGenerationPrompt': prompt, 'rendered': rendered})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'chats.json'), 'w') as file:
    json.dump({'tool': 'transformers', 'version': transformers.__version__, 'command': 'python test/golden/formats/chats.py', 'templates': TEMPLATES, 'cases': cases}, file, indent=1, ensure_ascii=False)
print(sum(isinstance(c['rendered'], dict) for c in cases), len(cases), [c['rendered']['error'] for c in cases if isinstance(c['rendered'], dict)])
