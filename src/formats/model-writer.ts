import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from './atomic-file.ts';
import type { JsonObject } from './json.ts';
import { PASSED_ON_FILES } from './model-directory.ts';
import { writeSafetensors, type NamedTensor, type TensorToWrite } from './safetensors.ts';
import { jsonWithFloats, wholeFloats } from './whole-floats.ts';

export interface ModelToWrite {
  /** With `architectures`, `id2label` and what else the class that is to load it needs. */
  readonly config: JsonObject;
  readonly tensors: Iterable<TensorToWrite>;
  /** The base model's directory: its tokenizer and generation settings go along, and floats of its configuration stay floats. */
  readonly tokenizerFrom: string;
}

/** Writes a Hugging Face model directory: config.json, model.safetensors (F32), the tokenizer's files and generation settings. Each file is written atomically. */
export async function writeModel(
  directory: string,
  { config, tensors, tokenizerFrom }: ModelToWrite,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  // Weights are float32 here whatever the base model's were; transformers 4 reads torch_dtype, 5 reads dtype.
  const { torch_dtype: _, ...rest } = config;
  const base = join(tokenizerFrom, 'config.json');
  const floats = wholeFloats(existsSync(base) ? await readFile(base, 'utf8') : '{}');
  await writeAtomic(join(directory, 'config.json'), [
    `${jsonWithFloats({ ...rest, dtype: 'float32', torch_dtype: 'float32' }, floats)}\n`,
  ]);
  await copyFiles(tokenizerFrom, directory);
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const name of PASSED_ON_FILES) {
    const source = join(from, name);
    if (existsSync(source)) await writeAtomic(join(to, name), [await readFile(source)]);
  }
}

export interface AdapterToWrite {
  /** Name on the hub, or directory, of the model that the adapter belongs to. */
  readonly baseModel: string;
  /** The hub's commit, where there is one. */
  readonly revision?: string;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  /** Ends of module paths, as peft matches them. */
  readonly targetModules: readonly string[];
  /** Whether adapted weights are stored in-out (GPT-2). */
  readonly fanInFanOut: boolean;
  /** peft's task type: the model class that the adapter is for. */
  readonly taskType: 'SEQ_CLS' | 'TOKEN_CLS' | 'CAUSAL_LM' | 'FEATURE_EXTRACTION';
  /** Modules trained whole and stored with the adapter, such as `classifier`. */
  readonly modulesToSave: readonly string[];
  /** Names as in the base model's checkpoint: LoRA factors and the tensors of `modulesToSave`. */
  readonly tensors: Iterable<NamedTensor>;
}

/** Writes a LoRA adapter as peft 0.21 reads it: adapter_config.json and adapter_model.safetensors. */
export async function writeAdapter(directory: string, adapter: AdapterToWrite): Promise<void> {
  await mkdir(directory, { recursive: true });
  const config: JsonObject = {
    peft_type: 'LORA',
    task_type: adapter.taskType,
    base_model_name_or_path: adapter.baseModel,
    revision: adapter.revision ?? null,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: adapter.dropout,
    target_modules: [...adapter.targetModules],
    modules_to_save: adapter.modulesToSave.length > 0 ? [...adapter.modulesToSave] : null,
    fan_in_fan_out: adapter.fanInFanOut,
    bias: 'none',
    use_rslora: false,
    use_dora: false,
    init_lora_weights: true,
    inference_mode: true,
  };
  await writeAtomic(join(directory, 'adapter_config.json'), [jsonText(config)]);
  await writeSafetensors(
    join(directory, 'adapter_model.safetensors'),
    Array.from(adapter.tensors, (tensor) => ({ ...tensor, name: `base_model.model.${tensor.name}` })),
  );
}

const jsonText = (value: JsonObject): string => `${JSON.stringify(value, null, 2)}\n`;
